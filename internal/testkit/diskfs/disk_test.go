package diskfs

import (
	"math/rand/v2"
	"syscall"
	"testing"
)

func at(d *disk, path ...string) *node {
	n := d.nodes[rootID]
	for _, name := range path {
		if n = n.entries[name]; n == nil {
			return nil
		}
	}
	return n
}

func text(n *node) string {
	if n == nil {
		return "(none)"
	}
	buf := make([]byte, 100)
	return string(buf[:n.file.read(0, buf)])
}

func TestPowerCutForgetsWhatWasNotSynced(t *testing.T) {
	d := newDisk(1<<20, func() int64 { return 7 })
	root := d.nodes[rootID]
	put := func(dir *node, name string) *node {
		n := d.add(syscall.S_IFREG | 0o600)
		d.change(dir, change{add: name, node: n})
		return n
	}
	synced := put(root, "synced")
	synced.file.write(0, []byte("one"))
	synced.file.sync()
	root.syncEntries()
	synced.file.write(0, []byte("two, longer"))
	put(root, "nameless").file.sync()

	dir := d.add(syscall.S_IFDIR | 0o700)
	d.change(root, change{add: "dir", node: dir})
	root.syncEntries()
	in := put(dir, "a")
	in.file.write(0, []byte("in"))
	in.file.sync()
	dir.syncEntries()
	d.change(dir, change{remove: "a", add: "b", node: in})

	empty := put(root, "empty") // its name is on the disk, its data is not
	root.syncEntries()
	empty.file.write(0, []byte("lost"))

	after := d.cut(nil)
	for path, want := range map[string]string{"synced": "one", "empty": ""} {
		if got := text(at(after, path)); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if at(after, "dir", "b") != nil || text(at(after, "dir", "a")) != "in" {
		t.Error("a rename that was not synced took place")
	}
	if text(at(d, "synced")) != "two, longer" {
		t.Error("the disk itself has changed")
	}
	// With chance, a file is between both, and directories have a beginning of their changes.
	kept := map[string]bool{}
	for seed := range uint64(50) {
		after := d.cut(rand.New(rand.NewPCG(seed, 0)))
		kept[text(at(after, "synced"))] = true
		a, b := at(after, "dir", "a"), at(after, "dir", "b")
		if (a == nil) == (b == nil) {
			t.Fatal("half a rename")
		}
	}
	for _, want := range []string{"one", "two", "two, longer"} {
		if !kept[want] {
			t.Errorf("%q never came, but %v", want, kept)
		}
	}
}

func TestSparseFilesAndSpace(t *testing.T) {
	d := newDisk(100*pageSize, func() int64 { return 0 })
	n := d.add(syscall.S_IFREG)
	d.change(d.nodes[rootID], change{add: "f", node: n})
	f := n.file
	f.truncate(1 << 30)
	if d.free() != 100 {
		t.Errorf("%d pages are free, want all: a hole takes none", d.free())
	}
	if got := f.growth(5*pageSize-1, 2); got != 2 {
		t.Errorf("growth %d, want 2 pages", got)
	}
	f.write(5*pageSize-1, []byte("ab"))
	f.reserved = 10 * pageSize
	if d.free() != 90 || f.growth(0, 8*pageSize) != 0 {
		t.Errorf("%d pages are free, growth %d, want 90 and 0 inside of what is reserved", d.free(), f.growth(0, 8*pageSize))
	}
	f.sync()
	f.truncate(5 * pageSize)
	f.write(0, []byte("x"))
	f.failSync()
	f.sync()
	after := f.cut(nil)
	if buf := make([]byte, 2); after.size != 5*pageSize || after.read(5*pageSize-1, buf) != 1 || buf[0] != 'a' {
		t.Errorf("size %d, %q", after.size, buf)
	}
	if buf := []byte{1}; after.read(0, buf) != 1 || buf[0] != 0 {
		t.Errorf("a page of a failed sync reached the disk: %q", buf)
	}
}
