// Command demo shows the whole path of a span through a real taeld, and checks every answer: programs that are instrumented with the
// official OpenTelemetry SDK and a generated load go in over OTLP, are asked for while they are hot and again from Parquet, and are all there
// after a SIGKILL in the middle of writes. It stands outside both doors.
package main
