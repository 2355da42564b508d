// Package gen makes the load that tael is measured and demonstrated with: OTLP trace requests as a
// fleet of AI agents and the services around them would send them. It stands before every other
// package in the data's path: what it yields is what a Collector or an SDK would put on the wire.
//
// The load is a pure function of its Options: the same Options give the same bytes, and what trace
// i holds can be asked for without generating the rest, so a program that has sent ten million
// spans can verify any of them while keeping only four bytes a trace.
package gen
