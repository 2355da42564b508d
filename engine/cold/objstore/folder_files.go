package objstore

import (
	"container/list"
	"errors"
	"io/fs"
	"os"
	"sync"
)

// openFiles keeps the files that were read last open, so that a point read is one stat and one pread. It never gives out
// a file that is no longer the one at its path: acquire compares the two, so that a replacement or removal is noticed
// whoever did it. While a handle is open its inode number cannot be used again, which makes the comparison exact.
type openFiles struct {
	limit int

	mu      sync.Mutex
	byPath  map[string]*list.Element // of *openFile, front was used last
	recent  *list.List
	evicted uint64 // counts calls of evict; a file opened before one is not kept after it
	closed  bool
	failed  error // first error of closing a file that nobody waited for
}

// openFile is shared by its readers; the last one closes it when the cache has dropped it.
type openFile struct {
	path string
	file *os.File
	info os.FileInfo
	size int64

	readers int  // guarded by openFiles.mu
	kept    bool // in the cache; guarded by openFiles.mu
}

func newOpenFiles(limit int) *openFiles {
	return &openFiles{limit: limit, byPath: make(map[string]*list.Element), recent: list.New()}
}

// acquire returns the file that path names now. The caller gives it back with release.
func (c *openFiles) acquire(path string) (*openFile, error) {
	now, err := os.Stat(path)
	if err != nil {
		c.evict(path)
		return nil, err
	}
	if f := c.find(path, now); f != nil {
		return f, nil
	}
	if !now.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	c.mu.Lock()
	before := c.evicted
	c.mu.Unlock()
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f := &openFile{path: path, file: file, info: info, size: info.Size(), readers: 1}
	c.keep(f, before)
	return f, nil
}

// find returns the kept file of path if it is the same as now.
func (c *openFiles) find(path string, now os.FileInfo) *openFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byPath[path]
	if !ok {
		return nil
	}
	f := e.Value.(*openFile)
	if !os.SameFile(f.info, now) {
		c.drop(e)
		return nil
	}
	f.readers++
	c.recent.MoveToFront(e)
	return f
}

func (c *openFiles) keep(f *openFile, before uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.byPath[f.path]; taken || c.closed || c.limit <= 0 || c.evicted != before {
		return // used once and closed by release
	}
	f.kept = true
	c.byPath[f.path] = c.recent.PushFront(f)
	for c.recent.Len() > c.limit {
		c.drop(c.recent.Back())
	}
}

func (c *openFiles) release(f *openFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.readers--
	c.closeIfUnused(f)
}

// evict drops the handle of path, so that the disk gets the blocks of a removed file back.
func (c *openFiles) evict(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.evicted++
	if e, ok := c.byPath[path]; ok {
		c.drop(e)
	}
}

func (c *openFiles) drop(e *list.Element) {
	f := e.Value.(*openFile)
	c.recent.Remove(e)
	delete(c.byPath, f.path)
	f.kept = false
	c.closeIfUnused(f)
}

func (c *openFiles) closeIfUnused(f *openFile) {
	if f.readers > 0 || f.kept {
		return
	}
	if err := f.file.Close(); err != nil && c.failed == nil {
		c.failed = err
	}
}

// close closes what nobody reads; readers close theirs. It returns the first error that closing any file gave.
func (c *openFiles) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for c.recent.Len() > 0 {
		c.drop(c.recent.Back())
	}
	err := c.failed
	c.failed = nil
	return err
}
