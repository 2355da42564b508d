// Package crash kills a store with SIGKILL before and after every named step of a span's way, starts it again, and compares it with a model of what was
// acknowledged. Each victim is a process of its own, and some die twice. The names are of package hot (append, seal, making and removing a
// segment), compactor (the flush, the swap of the view), cold (data files, commit, dropped days, expiry, orphans) and objstore (a write to a
// folder, an upload in parts). TAEL_TEST_LONG makes it more moments, with new seeds.
package crash
