// SPDX-License-Identifier: Apache-2.0
// Older releases have no such package; with this, an import of all of it compiles.
package org.apache.kafka.common.record.internal;

final class NoClasses {
    private NoClasses() { }
}
