// Package kill holds tests that kill a real taeld with SIGKILL: during writes, during flushes, on a folder and on object stores. A client that
// retries goes on over the kill, and afterwards every acknowledged span is there exactly once. One kills the object store instead, under a taeld that
// goes on. It stands outside both doors.
package kill
