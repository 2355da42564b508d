// Package diskfs is a disk for tests: a FUSE file system, kept in the memory of a process of its own, that can lose its power, fill up and
// fail. When the power is cut it forgets what was not synced: the data of files since their last fsync, and the entries of directories
// since the last fsync of the directory, which is all that POSIX promises; or a part of it, as a real disk does.
//
// The process that serves the disk never touches the mount, ends by itself after some minutes and with its parent, and nobody but children
// with a deadline does I/O on the mount: whatever happens, nothing hangs.
package diskfs
