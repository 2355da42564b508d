package hot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/sys/unix"

	"github.com/taeldb/tael"
)

// errNothingWhole says that a directory holds no whole transaction.
var errNothingWhole = errors.New("no whole transaction is in it")

// openSegment opens a segment of a former process for reading only: no second memtable, no copy to level 0, no new file. What a crash
// left half made is put right first. It gives nil when the directory has no data. empty says that nothing in it was acknowledged, so that a log
// without a whole transaction is no loss; otherwise the directory is left as it is then, for those who can read more of it.
func (s *Store) openSegment(counter uint64, dir string, empty bool) (_ *Segment, err error) {
	size, entries, err := trimLogs(dir, empty)
	if err != nil {
		return nil, err
	}
	if err := dropValueLogs(dir); err != nil {
		return nil, err
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return nil, err
	}
	if entries == 0 && len(tables) == 0 {
		return nil, nil
	}
	if err := s.mendManifest(dir, len(tables) > 0); err != nil {
		return nil, err
	}
	seg := newSegment(s, counter, dir)
	seg.recovered = true
	seg.sealed.Store(true)
	// The arena takes what the log holds; the options that it was written with do not matter.
	memTable := max(size+int64(entries)*entryOverhead, 8<<20)
	seg.memory = memTable
	if seg.db, err = badger.OpenManaged(badgerOptions(dir, memTable, true, s.log.With("segment", counter))); err != nil {
		return nil, fmt.Errorf("hot: open segment %d: %w", counter, err)
	}
	if err := s.rebuild(seg); err != nil {
		return nil, errors.Join(fmt.Errorf("hot: read segment %d: %w", counter, err), seg.db.Close())
	}
	return seg, nil
}

// trimLogs cuts the logs of a directory after their last whole transaction, removes those without any, and sums up the others. Unless the
// segment is empty, a log with bytes and no whole transaction is an error.
func trimLogs(dir string, empty bool) (size int64, entries int, err error) {
	logs, err := filepath.Glob(filepath.Join(dir, "*"+logSuffix))
	if err != nil {
		return 0, 0, err
	}
	for _, path := range logs {
		ext, err := trimLog(path, empty)
		if err != nil {
			return 0, 0, fmt.Errorf("hot: trim the log %s: %w", path, err)
		}
		size += ext.end
		entries += ext.entries
	}
	return size, entries, nil
}

func trimLog(path string, empty bool) (ext logExtent, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return ext, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return ext, err
	}
	if info.Size() > 0 {
		log, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return ext, err
		}
		ext = walkLog(log)
		blank := ext.entries == 0 && len(bytes.Trim(log[min(logHeader, len(log)):], "\x00")) == 0
		if err := unix.Munmap(log); err != nil {
			return ext, err
		}
		if ext.entries == 0 && !blank && !empty {
			return ext, errNothingWhole
		}
	}
	switch {
	case ext.entries == 0:
		return logExtent{}, os.Remove(path)
	case ext.end != info.Size():
		return ext, errors.Join(f.Truncate(ext.end), f.Sync())
	}
	return ext, nil
}

// dropValueLogs removes Badger's value logs and what goes with them. No value is ever written to one, and a power cut can leave one
// without its header, which Badger refuses to open.
func dropValueLogs(dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil {
		return err
	}
	for _, path := range append(logs, filepath.Join(dir, "DISCARD")) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("hot: remove an empty value log: %w", err)
		}
	}
	return nil
}

// mendManifest makes the files that Badger wants when they are not there or were never filled: before anything went to level 0 they say nothing.
func (s *Store) mendManifest(dir string, tables bool) error {
	for _, name := range []string{badger.ManifestFilename, badger.KeyRegistryFileName} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err == nil && info.Size() > 0 {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if name == badger.ManifestFilename && tables {
			return fmt.Errorf("hot: %s: %w: the manifest is missing", dir, tael.ErrDamaged)
		}
		s.log.Warn("a file of a segment is made again", "path", filepath.Join(dir, name))
		if err := s.copyFresh(dir, name); err != nil {
			return fmt.Errorf("hot: make %s again: %w", filepath.Join(dir, name), err)
		}
	}
	return nil
}

// copyFresh takes a file of a new, empty Badger directory.
func (s *Store) copyFresh(dir, name string) (err error) {
	fresh, err := os.MkdirTemp("", "tael-fresh-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	db, err := badger.OpenManaged(badgerOptions(fresh, 8<<20, false, s.log))
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(fresh, name))
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, name), string(b))
}
