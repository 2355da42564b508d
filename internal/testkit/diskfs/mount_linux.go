package diskfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/taeldb/tael/internal/testkit/child"
)

// Main is called first in TestMain: in the child that serves a disk it does that and does not return.
func Main() {
	if child.Part() != part {
		return
	}
	time.AfterFunc(lifetime, func() { os.Exit(3) })
	s := newServer()
	go func() {
		// The parent is gone. The mount goes with this process in any case, its name in the list of mounts only if it is taken away.
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM)
		<-end
		time.AfterFunc(3*time.Second, func() { os.Exit(3) })
		s.detach()
		os.Exit(0)
	}()
	s.serve(os.Stdin, os.Stdout)
	s.detach()
	os.Exit(0)
}

// Disk is a disk that a child serves.
type Disk struct {
	// Dir is where it is mounted, until the power is cut. Only children with a deadline may touch it.
	Dir string

	t      testing.TB
	base   string
	server *child.Process
	mounts []string
}

// answerWait bounds the wait for the server, which answers at once.
const answerWait = 20 * time.Second

// Start mounts an empty disk of 1 GiB. The test fails where that is not allowed.
func Start(t testing.TB) *Disk {
	t.Helper()
	d := &Disk{t: t, base: t.TempDir()}
	t.Cleanup(d.unmount) // after the server is dead, so that nothing in it can wait
	d.server = child.StartTidy(t, part)
	d.Mount()
	return d
}

// Mount shows the disk at a new directory, after Cut. The mount before is taken away.
func (d *Disk) Mount() {
	d.t.Helper()
	dir := filepath.Join(d.base, fmt.Sprint("mnt", len(d.mounts)))
	if err := os.Mkdir(dir, 0o755); err != nil {
		d.t.Fatal(err)
	}
	d.mounts = append(d.mounts, dir)
	d.tell("mount %s", dir)
	d.Dir = dir
}

// Cut cuts the power: from now on every operation fails. What was not synced is gone, or with a seed other than 0, some of it. Kill what uses
// the disk, then Mount it again.
func (d *Disk) Cut(seed int64) { d.tell("cut %d", seed) }

// Free gives the disk such a size that so many bytes are free.
func (d *Disk) Free(bytes int64) { d.tell("free %d", bytes) }

// Fail makes the next n operations of a kind ("read", "write", "sync") fail with EIO, all of them when n is less than 0. After a
// sync that fails, the data counts as written and is not, as on Linux.
func (d *Disk) Fail(what string, n int) { d.tell("fail %s %d", what, n) }

// Heal ends Fail.
func (d *Disk) Heal() { d.tell("heal") }

// Probe tells why no disk can be mounted here; nil is that one can.
func Probe(t testing.TB) error {
	d := &Disk{t: t, base: t.TempDir()}
	t.Cleanup(d.unmount)
	d.server = child.StartTidy(t, part)
	dir := filepath.Join(d.base, "probe")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	d.mounts = append(d.mounts, dir)
	_, err := d.ask("mount %s", dir)
	return err
}

func (d *Disk) tell(format string, args ...any) {
	d.t.Helper()
	if _, err := d.ask(format, args...); err != nil {
		d.t.Fatal(err)
	}
}

func (d *Disk) ask(format string, args ...any) (string, error) {
	if err := d.server.Tell(format, args...); err != nil {
		return "", fmt.Errorf("diskfs: %w\n%s", err, d.server.Errors())
	}
	select {
	case line, ok := <-d.server.Lines:
		if !ok {
			return "", errors.New("diskfs: the server has ended: " + d.server.Errors())
		}
		word, rest, _ := strings.Cut(line, " ")
		if word != "ok" {
			return "", fmt.Errorf("diskfs: "+format+": %s", append(args, rest)...)
		}
		return rest, nil
	case <-time.After(answerWait):
		return "", errors.New("diskfs: the server does not answer")
	}
}

// unmount takes the mounts away. The server is dead, so that the kernel has ended what waited for it; umount still is a process of its own.
func (d *Disk) unmount() {
	if d.server != nil {
		d.server.Kill()
	}
	for _, dir := range d.mounts {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		out, err := exec.CommandContext(ctx, "umount", "-l", dir).CombinedOutput()
		cancel()
		if err != nil && !strings.Contains(string(out), "not mounted") {
			d.t.Logf("umount %s: %v: %s", dir, err, out)
		}
	}
}
