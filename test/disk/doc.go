// Package disk runs a store on a disk that loses its power, fills up and fails, and compares what is left with what was acknowledged. Its tests
// have the build tag "disk": they mount a FUSE file system, which not every machine allows. The store is a process of its own.
package disk
