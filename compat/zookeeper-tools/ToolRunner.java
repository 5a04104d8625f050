// SPDX-License-Identifier: Apache-2.0
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.security.Permission;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Runs the main() of many tools one after another in one JVM, since the start of a JVM costs more than all that a tool then does.
 *
 * Standard input has one call a line, {"main": class, "arguments": [...], "stdin": text}; what it printed and how it ended is
 * answered on one line, {"out": text, "err": text, "code": number}.
 */
public final class ToolRunner {
  /** A tool has called System.exit(): its code stands in Streams, what it prints from now on is not wanted. */
  static final class Ended extends SecurityException {
    Ended() {
      super("the tool has ended");
    }
  }

  /** Where System.out or System.err of the tool goes; the stream itself stays, as libraries keep it. */
  static final class Captured extends OutputStream {
    private ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private boolean open;

    synchronized void begin() {
      bytes = new ByteArrayOutputStream();
      open = true;
    }

    synchronized String end() {
      open = false;
      return bytes.toString(StandardCharsets.UTF_8);
    }

    @Override
    public synchronized void write(int value) {
      if (open) bytes.write(value);
    }

    @Override
    public synchronized void write(byte[] data, int from, int length) {
      if (open) bytes.write(data, from, length);
    }
  }

  private final Captured out = new Captured();
  private final Captured err = new Captured();
  private final Map<String, Object> answer = new LinkedHashMap<>();

  private synchronized void end(int code) {
    if (!answer.isEmpty()) return; // the first exit counts, as it would have ended the JVM
    System.out.flush();
    System.err.flush();
    answer.put("out", out.end());
    answer.put("err", err.end());
    answer.put("code", code);
  }

  @SuppressWarnings("removal")
  private void catchExits() {
    System.setSecurityManager(new SecurityManager() {
      @Override
      public void checkExit(int code) {
        end(code);
        throw new Ended();
      }

      @Override
      public void checkPermission(Permission permission) {}

      @Override
      public void checkPermission(Permission permission, Object context) {}
    });
  }

  private Map<String, Object> run(JsonNode call) throws Exception {
    String[] arguments = new String[call.get("arguments").size()];
    for (int i = 0; i < arguments.length; i++) arguments[i] = call.get("arguments").get(i).asText();
    System.setIn(new ByteArrayInputStream(call.get("stdin").asText().getBytes(StandardCharsets.UTF_8)));
    answer.clear();
    out.begin();
    err.begin();
    try {
      Class.forName(call.get("main").asText()).getMethod("main", String[].class).invoke(null, (Object) arguments);
      end(0);
    } catch (InvocationTargetException thrown) {
      if (answer.isEmpty()) {
        System.err.print("Exception in thread \"main\" ");
        thrown.getCause().printStackTrace();
      }
      end(1);
    }
    return answer;
  }

  public static void main(String[] unused) throws Exception {
    InputStream calls = System.in;
    PrintStream answers = System.out;
    ToolRunner runner = new ToolRunner();
    System.setOut(new PrintStream(runner.out, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(runner.err, true, StandardCharsets.UTF_8));
    runner.catchExits();
    ObjectMapper json = new ObjectMapper();
    java.io.BufferedReader lines = new java.io.BufferedReader(new java.io.InputStreamReader(calls, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      answers.println(json.writeValueAsString(runner.run(json.readTree(line))));
      answers.flush();
    }
    Runtime.getRuntime().halt(0);
  }
}
