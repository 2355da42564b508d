package engine

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// The lock ends when it is given back, also when something else still has the file, as a child has that is being started.
func TestLockEndsBesideADuplicate(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var duplicates []int
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == dir+"/LOCK" {
			n, err := strconv.Atoi(e.Name())
			if err != nil {
				t.Fatal(err)
			}
			dup, err := unix.Dup(n)
			if err != nil {
				t.Fatal(err)
			}
			duplicates = append(duplicates, dup)
			break // the next one may be the duplicate
		}
	}
	if len(duplicates) != 1 {
		t.Fatalf("%d descriptors of the lock, want 1", len(duplicates))
	}
	defer unix.Close(duplicates[0])
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
}
