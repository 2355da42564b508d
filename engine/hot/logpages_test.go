package hot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mapLog maps a log as Badger does, and gives its bytes.
func mapLog(t *testing.T, dir string, size int) (mapped []byte, path string) {
	t.Helper()
	path = filepath.Join(dir, firstLog)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(size)); err != nil { // without pages, so that those it gets are as the mapping says
		t.Fatal(err)
	}
	mapped, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mapped); err != nil {
			t.Error(err)
		}
	})
	return mapped, path
}

// The pages go, and what was written through the mapping stays.
func TestReleaseLogPages(t *testing.T) {
	const size = 1 << 20
	dir := t.TempDir()
	mapped, path := mapLog(t, dir, size)
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

// What was written since the last call is released, with the page that both share, and nothing before it is looked at. A sync then still writes it.
func TestReleaseWrittenLogPages(t *testing.T) {
	const size, page = 1 << 20, 4096
	dir := t.TempDir()
	mapped, path := mapLog(t, dir, size)
	pages, err := mappedLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := pages.small(); err != nil { // else a fault may bring pages before it along
		t.Fatal(err)
	}
	at := 0
	write := func(n int) {
		for ; n > 0; n-- {
			mapped[at] = byte(at%251) + 1
			at++
		}
	}
	for _, bytes := range []int{10 * page, 100, 3*page + 1, 0} {
		write(bytes)
		pages.wrote(bytes)
		if err := pages.releaseWritten(); err != nil {
			t.Fatal(err)
		}
		if got := residentOf(t, path); got != 0 {
			t.Fatalf("%d bytes are resident after %d", got, at)
		}
	}
	// A page before the last release comes back by reading it, and is left alone.
	if mapped[page] == 0 {
		t.Fatal("a page that was released is empty")
	}
	write(1)
	pages.wrote(1)
	if err := pages.releaseWritten(); err != nil {
		t.Fatal(err)
	}
	if got := residentOf(t, path); got < page {
		t.Fatalf("%d bytes are resident: all of the log was released again", got)
	}
	if err := unix.Msync(mapped, unix.MS_SYNC); err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range at {
		if stored[i] != byte(i%251)+1 {
			t.Fatalf("byte %d of the file is %d", i, stored[i])
		}
	}
}

// Where Badger has begun another log, the first may be unmapped, and something else be in its place.
func TestPagesOfAFormerLogAreLeftAlone(t *testing.T) {
	const size = 1 << 20
	dir := t.TempDir()
	mapped, path := mapLog(t, dir, size)
	mapped[0], mapped[size-1] = 1, 1
	pages, err := mappedLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	resident := residentOf(t, path)
	if err := os.WriteFile(filepath.Join(dir, nextLog), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pages.wrote(size)
	if err := pages.releaseWritten(); err == nil || !strings.Contains(err.Error(), nextLog) {
		t.Errorf("beside a second log: %v", err)
	}
	if err := pages.release(); err == nil {
		t.Error("the pages of a former log are released")
	}
	if got := residentOf(t, path); got != resident {
		t.Errorf("%d bytes are resident, %d were", got, resident)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := mappedLog(link); err != nil {
		t.Errorf("through a symbolic link: %v", err)
	}
	if _, err := mappedLog(t.TempDir()); err == nil {
		t.Error("a log is found where none is mapped")
	}
}

// Between two appends of a store nothing of its log is in this process' memory: that the names are Badger's.
func TestAppendReleasesItsLogPages(t *testing.T) {
	s := open(t, testOptions(filepath.Join(t.TempDir(), "hot")))
	appendAll(t, s, cutAll(t, "default", requests(t, 1000, 50)))
	path := filepath.Join(segmentDirs(t, s.opts.Dir)[0], firstLog)
	if got := residentOf(t, path); got != 0 {
		t.Errorf("%d bytes are resident", got)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
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
