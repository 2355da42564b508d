// Package crash kills a store with SIGKILL before and after every named step of a span's way (append, seal, write, upload, commit, view
// swap, removal, clean-up), starts it again, and compares it with a model of what was acknowledged. Each victim is a process of its own.
package crash
