// Package daemon runs a real taeld as a child process, for tests, the demo and the bench runner: it starts the binary on free ports of the
// loopback, waits until it is ready, kills it as a crash would, and starts it again at the same addresses. It stands around the whole of
// the data's path.
package daemon
