package hot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The pages go, and what was written through the mapping stays.
func TestReleaseLogPages(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, firstLog)
	const size = 1 << 20
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mapped, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Munmap(mapped); err != nil {
			t.Error(err)
		}
	}()
	for i := range mapped {
		mapped[i] = byte(i)
	}
	if got := residentOf(t, path); got != size {
		t.Fatalf("%d bytes are resident before", got)
	}
	pages, err := mappedLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := pages.release(); err != nil {
		t.Fatal(err)
	}
	if got := residentOf(t, path); got != 0 {
		t.Fatalf("%d bytes are resident after", got)
	}
	for i := range mapped {
		if mapped[i] != byte(i) {
			t.Fatalf("byte %d is %d", i, mapped[i])
		}
	}
}

// residentOf reads how much of a mapped file this process holds.
func residentOf(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	return rssOf(string(b), path)
}

// rssOf finds the Rss line, in KiB, of the mapping of path.
func rssOf(smaps, path string) int {
	found := false
	for line := range strings.Lines(smaps) {
		if strings.HasSuffix(strings.TrimSpace(line), path) {
			found = true
			continue
		}
		var kib int
		if _, err := fmt.Sscanf(line, "Rss: %d kB", &kib); found && err == nil {
			return kib << 10
		}
	}
	return -1
}

// The log of a new segment is mapped for single pages: the kernel shows the advice as the flag rr.
func TestANewSegmentHasSmallLogPages(t *testing.T) {
	s := open(t, testOptions(filepath.Join(t.TempDir(), "hot")))
	appendAll(t, s, cutAll(t, "default", requests(t, 10, 10)))
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, s.opts.Dir) {
			found = strings.HasSuffix(strings.TrimSpace(line), logSuffix)
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && found {
			if !strings.Contains(flags, " rr ") {
				t.Fatalf("the log is mapped with flags %s", flags)
			}
			return
		}
	}
	t.Fatal("the log is not mapped")
}
