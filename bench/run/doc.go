// Command run measures a real taeld end to end: it starts the binary, sends it the load of bench/gen over the loopback, asks it for
// what it stored, and reads what that cost from the kernel. It stands outside both doors, on the same machine. Its results go to a
// Markdown page for people and, beside it, to JSON for comparisons.
package main
