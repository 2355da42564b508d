package hot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// freeDisk gives the bytes that this process may still write to the file system of dir.
func freeDisk(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("hot: free space of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// allocateLog takes the disk space of a segment's log ahead. Badger's log is a sparse memory map; a write to a part of it that has no
// disk space, on a full disk, ends the process. A file system that cannot allocate ahead leaves that to Options.MinFreeDisk.
func allocateLog(dir string, bytes int64) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*"+logSuffix))
	if err != nil || len(logs) != 1 {
		return fmt.Errorf("hot: allocate the log in %s: want one log, found %q (%v)", dir, logs, err)
	}
	f, err := os.OpenFile(logs[0], os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("hot: allocate the log: %w", err)
	}
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, bytes)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		err = nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("hot: allocate %d bytes for the log %s: %w", bytes, logs[0], err)
	}
	return nil
}

// logSuffix is the suffix of the log of a Badger memtable.
const logSuffix = ".mem"

// removeSegmentFiles removes a directory. It cuts the files first: Badger keeps the log of a segment that was opened for reading
// mapped, and a mapped file gives its space back only when it is cut.
func removeSegmentFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), deadFile) {
			errs = append(errs, os.Truncate(filepath.Join(dir, e.Name()), 0))
		}
	}
	errs = append(errs, os.RemoveAll(dir))
	return errors.Join(errs...)
}
