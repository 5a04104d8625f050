// SPDX-License-Identifier: Apache-2.0
// kafka-dump-log of the release that this runs on, many times in one JVM. A line of standard input is one run, its arguments
// with tabs between them. What the run printed comes with "o " (output) or "e " (errors) in front, then "x " and the exit code.
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Exit;

public final class DumpLog {
  private static final class Ended extends RuntimeException {
    private final int code;

    private Ended(int code) {
      this.code = code;
    }
  }

  public static void main(String[] arguments) throws Exception {
    Exit.setExitProcedure((code, message) -> {
      throw new Ended(code);
    });
    Method tool = tool();
    PrintStream answers = new PrintStream(System.out, true, "UTF-8");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      System.setOut(new PrintStream(out, true, "UTF-8"));
      System.setErr(new PrintStream(err, true, "UTF-8"));
      int code = run(tool, line.split("\t"));
      print(answers, "o ", out);
      print(answers, "e ", err);
      answers.println("x " + code);
    }
  }

  private static Method tool() throws Exception {
    for (String name : new String[] {"org.apache.kafka.tools.DumpLogSegments", "kafka.tools.DumpLogSegments"}) {
      try {
        return Class.forName(name).getMethod("main", String[].class);
      } catch (ClassNotFoundException moved) {
        continue;
      }
    }
    throw new IllegalStateException("no DumpLogSegments here");
  }

  private static int run(Method tool, String[] arguments) throws Exception {
    redirectScala();
    try {
      tool.invoke(null, (Object) arguments);
      return 0;
    } catch (InvocationTargetException failure) {
      if (failure.getCause() instanceof Ended) return ((Ended) failure.getCause()).code;
      System.err.println(failure.getCause());
      return 1;
    }
  }

  // Scala's println goes to the stream that it saw first.
  private static void redirectScala() throws Exception {
    try {
      Class<?> console = Class.forName("scala.Console$");
      Object module = console.getField("MODULE$").get(null);
      console.getMethod("setOutDirect", PrintStream.class).invoke(module, System.out);
    } catch (ClassNotFoundException none) {
      return; // 4.x is without Scala here and there
    }
  }

  private static void print(PrintStream answers, String prefix, ByteArrayOutputStream text) {
    String all = text.toString(StandardCharsets.UTF_8);
    if (all.isEmpty()) return;
    for (String line : all.substring(0, all.length() - 1).split("\n", -1)) answers.println(prefix + line);
  }
}
