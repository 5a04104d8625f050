// SPDX-License-Identifier: Apache-2.0
import java.lang.reflect.Proxy;
import org.apache.kafka.common.utils.Time;

// A clock that stands; by a proxy, since the releases differ in the interface's methods.
final class FixedTime {
    private FixedTime() { }

    static Time of(long now) {
        return (Time) Proxy.newProxyInstance(Time.class.getClassLoader(), new Class<?>[] {Time.class},
            (proxy, method, arguments) -> method.getName().equals("milliseconds") ? now
                : method.getName().equals("nanoseconds") ? 0L : null);
    }
}
