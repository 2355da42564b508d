package hot

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// logPages is how the kernel keeps the mapped log of a segment's Badger memtable. Badger does not show where it is mapped, so the kernel is
// asked for the address. It is used by the writer goroutine, which is the only one that makes Badger write.
type logPages struct {
	dir      string
	address  uintptr
	length   uintptr
	written  uintptr // at least so many bytes are in the log
	released uintptr // written when the pages were last released
}

// firstLog and nextLog are the names that Badger gives to the logs of its first two memtables.
const (
	firstLog = "00001" + logSuffix
	nextLog  = "00002" + logSuffix
)

// mappedLog finds the log of a new segment. The segment must be held open by the caller: what is at the address can then not become anything
// else.
func mappedLog(dir string) (*logPages, error) {
	real, err := filepath.EvalSymlinks(dir) // as the kernel names it
	if err != nil {
		return nil, fmt.Errorf("hot: find the mapped log in %s: %w", dir, err)
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil, fmt.Errorf("hot: find the mapped log in %s: %w", dir, err)
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		// 7f0000000000-7f0000001000 rw-s 00000000 fe:00 1234    /path/of/file
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || !strings.Contains(fields[1], "s") || strings.Join(fields[5:], " ") != filepath.Join(real, firstLog) {
			continue
		}
		low, high, _ := strings.Cut(fields[0], "-")
		from, err1 := strconv.ParseUint(low, 16, 64)
		to, err2 := strconv.ParseUint(high, 16, 64)
		if err1 != nil || err2 != nil || from >= to {
			return nil, fmt.Errorf("hot: find the mapped log in %s: cannot read %q", dir, lines.Text())
		}
		return &logPages{dir: dir, address: uintptr(from), length: uintptr(to - from)}, nil
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("hot: find the mapped log in %s: %w", dir, err)
	}
	return nil, fmt.Errorf("hot: find the mapped log in %s: it is not among the mappings of this process", dir)
}

// wrote notes that at least so many bytes more are in the log.
func (p *logPages) wrote(bytes int) {
	if p != nil {
		p.written += uintptr(bytes)
	}
}

// small makes the kernel handle the log in single pages. Left alone it reads ahead into the empty file and takes large folios (Linux 6.16 and
// later on ext4): a commit that dirties a few kilobytes then writes a whole folio, at every sync again. Measured: 4.3 bytes to disk for each
// byte of the log, against 1.2.
func (p *logPages) small() error { return p.advise(0, unix.MADV_RANDOM) }

// releaseWritten takes the pages that were written since the last call out of this process' memory, in one step; they stay in the page cache,
// as dirty as they are. A sync that comes next would do it page by page, and each time stop every core that runs this process to
// tell it: a fifth of the CPU until an acknowledgement.
func (p *logPages) releaseWritten() error {
	from := p.released &^ (uintptr(os.Getpagesize()) - 1)
	p.released = p.written
	return p.advise(from, unix.MADV_DONTNEED)
}

// release takes all pages of a sealed segment's log out of this process' memory. Badger keeps the log mapped until the segment is removed, but
// reads from its memtable only: without this, what is hot counts twice. The data stays in the page cache and in the file; a page that is touched
// again comes back.
func (p *logPages) release() error { return p.advise(0, unix.MADV_DONTNEED) }

// advise tells the kernel about the log from an offset on that is a multiple of the page size.
func (p *logPages) advise(from uintptr, advice uintptr) error {
	if p == nil || from >= p.length {
		return nil
	}
	// Badger unmaps the log only after it has begun another one. A segment is sealed long before; were it not, its address would be somebody else's.
	next := filepath.Join(p.dir, nextLog)
	if _, err := os.Lstat(next); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("hot: advise the kernel on the mapped log in %s: there is a second log, %s (%v)", p.dir, next, err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, p.address+from, p.length-from, advice); errno != 0 {
		return fmt.Errorf("hot: advise the kernel on the mapped log in %s: %w", p.dir, errno)
	}
	return nil
}
