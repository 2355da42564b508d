// Package loadgen sends the load of bench/gen to a taeld as a well-behaved client would, over OTLP/HTTP
// or gRPC, remembers what was acknowledged, and asks for all of it again. It stands before the doors
// in, and after the doors out. `taeld loadgen`, the demo, the benchmarks and the kill tests use it.
//
// Making a load and sending it are apart: a Source that was prepared in memory or in a file costs the
// machine next to nothing while the server is being measured.
package loadgen
