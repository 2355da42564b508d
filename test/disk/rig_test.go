//go:build disk

package disk

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael/internal/testkit/child"
	"github.com/taeldb/tael/internal/testkit/diskfs"
)

// patience is how long an answer of a store may take, which is never the point.
const patience = 60 * time.Second

// rig is a store on a disk, and what the parent knows of it.
type rig struct {
	t            *testing.T
	disk         *diskfs.Disk
	store        *child.Process
	acked, begun int // requests
	reserve      int64
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return &rig{t: t, disk: diskfs.Start(t), reserve: minFree}
}

// boot starts the store; opened waits until it is open.
func (r *rig) boot() {
	r.t.Helper()
	r.store = child.Start(r.t, storePart, "TAEL_DISK_DIR="+r.disk.Dir, fmt.Sprint("TAEL_DISK_RESERVE=", r.reserve))
}

func (r *rig) opened() {
	r.t.Helper()
	if line, err := r.line(); err != nil || line != "opened" {
		r.t.Fatalf("the store said %q, %v, want opened\n%s", line, err, r.store.Errors())
	}
}

// line is the next line that the store says.
func (r *rig) line() (string, error) {
	select {
	case line, ok := <-r.store.Lines:
		if !ok {
			return "", fmt.Errorf("the store has ended: %s", r.store.Errors())
		}
		return line, nil
	case <-time.After(patience):
		return "", errors.New("the store does not answer")
	}
}

// ask gives a command and returns the store's error.
func (r *rig) ask(format string, args ...any) error {
	if err := r.store.Tell(format, args...); err != nil {
		return err
	}
	line, err := r.line()
	if err != nil {
		return err
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "ok":
		return nil
	case "error":
		return errors.New(rest)
	}
	return fmt.Errorf("the store said %q", line)
}

func (r *rig) must(format string, args ...any) {
	r.t.Helper()
	if err := r.ask(format, args...); err != nil {
		r.t.Fatalf("%s: %v\n%s", fmt.Sprintf(format, args...), err, r.store.Errors())
	}
}

// append sends the next request and notes whether it was acknowledged.
func (r *rig) append() error {
	r.begun = r.acked + 1
	err := r.ask("append %d", r.acked)
	if err == nil {
		r.acked++
	}
	return err
}

// verify compares the store with what was acknowledged, and with what may be there.
func (r *rig) verify() {
	r.t.Helper()
	r.must("verify %d %d", r.acked, max(r.acked, r.begun))
}

// note reads what a running store says until it has acknowledged or failed n more, or has ended.
func (r *rig) note(n int) {
	for n > 0 {
		line, err := r.line()
		if err != nil {
			return
		}
		if r.hear(line) {
			n--
		}
	}
}

// hear notes a line of a running store, and tells whether it is the end of a request.
func (r *rig) hear(line string) bool {
	var n int
	if _, err := fmt.Sscanf(line, "begin %d", &n); err == nil {
		r.begun = n + 1
	}
	if _, err := fmt.Sscanf(line, "ack %d", &n); err == nil {
		r.acked = n + 1
		return true
	}
	return strings.HasPrefix(line, "failed")
}

// powerCut cuts the power, ends the store and mounts what is left.
func (r *rig) powerCut(seed int64) {
	r.t.Helper()
	r.disk.Cut(seed)
	r.store.Kill()
	for line := range r.store.Lines { // what it said before the power was gone
		r.hear(line)
	}
	r.disk.Mount()
}
