package diskfs

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
)

// node is a file or a directory.
type node struct {
	id    uint64
	mode  uint32 // as of stat
	mtime int64  // unix nanoseconds
	file  *file  // nil: a directory

	entries map[string]*node
	durable map[string]*node // entries on the disk
	journal []change         // what differs, in order
}

// change is one change of a directory's entries: each either is on the disk or is not. A rename within a directory is one.
type change struct {
	remove string
	add    string
	node   *node
}

func (c change) apply(entries map[string]*node) {
	if c.remove != "" {
		delete(entries, c.remove)
	}
	if c.add != "" {
		entries[c.add] = c.node
	}
}

// op is what can be made to fail.
type op string

const (
	opRead  op = "read"
	opWrite op = "write"
	opSync  op = "sync"
)

// disk is the state of the file system.
type disk struct {
	mu       sync.Mutex
	nodes    map[uint64]*node
	next     uint64
	capacity int64      // pages
	off      bool       // the power is cut: everything fails
	failing  map[op]int // how many more fail; less than 0: all
	now      func() int64
	syncs    int
}

const rootID = 1

func newDisk(capacity int64, now func() int64) *disk {
	d := &disk{nodes: map[uint64]*node{}, next: rootID, capacity: capacity / pageSize, failing: map[op]int{}, now: now}
	d.add(syscall.S_IFDIR | 0o755)
	return d
}

func (d *disk) add(mode uint32) *node {
	n := &node{id: d.next, mode: mode, mtime: d.now()}
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		n.entries, n.durable = map[string]*node{}, map[string]*node{}
	} else {
		n.file = newFile()
	}
	d.nodes[n.id] = n
	d.next++
	return n
}

// enter begins an operation; whoever calls it unlocks. errno is not 0 when the operation fails.
func (d *disk) enter(what op) syscall.Errno {
	d.mu.Lock()
	if d.off {
		return syscall.EIO
	}
	if n := d.failing[what]; n != 0 {
		d.failing[what] = n - 1
		return syscall.EIO
	}
	return 0
}

// used is how many pages are taken.
func (d *disk) used() (pages int64) {
	for _, n := range d.live() {
		if n.file != nil {
			pages += n.file.used()
		}
	}
	return pages
}

// live lists the nodes that have a name, and the root.
func (d *disk) live() []*node {
	root := d.nodes[rootID]
	out, seen := []*node{root}, map[*node]bool{root: true}
	for i := 0; i < len(out); i++ {
		for _, n := range out[i].entries {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

func (d *disk) free() int64 { return max(0, d.capacity-d.used()) }

func (d *disk) change(dir *node, c change) {
	c.apply(dir.entries)
	dir.journal = append(dir.journal, c)
	dir.mtime = d.now()
}

func (n *node) syncEntries() {
	n.durable, n.journal = maps.Clone(n.entries), nil
}

// cut makes the disk as it is after a power cut.
func (d *disk) cut(rng *rand.Rand) *disk {
	after := newDisk(0, d.now)
	after.capacity = d.capacity
	type pair struct{ old, fresh *node }
	made := map[*node]*node{d.nodes[rootID]: after.nodes[rootID]}
	for todo := []pair{{d.nodes[rootID], after.nodes[rootID]}}; len(todo) > 0; todo = todo[1:] {
		old, fresh := todo[0].old, todo[0].fresh
		entries := maps.Clone(old.durable)
		if rng != nil {
			for _, c := range old.journal[:rng.IntN(len(old.journal)+1)] {
				c.apply(entries)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			child := entries[name]
			again := made[child]
			if again == nil {
				again = after.add(child.mode)
				again.mtime = child.mtime
				made[child] = again
				if child.file != nil {
					again.file = child.file.cut(rng)
				} else {
					todo = append(todo, pair{child, again})
				}
			}
			fresh.entries[name] = again
		}
		fresh.syncEntries()
	}
	return after
}
