//go:build race

package engine

// underRace makes tests do a part of their work: the race detector costs five times the time, and what it finds is in all of them.
const underRace = true
