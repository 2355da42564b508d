// Package load holds the test that sends a real taeld more than it can take, for minutes: `make test-load`. LOAD_TIME says for how long (ten
// minutes). It stands outside both doors.
package load
