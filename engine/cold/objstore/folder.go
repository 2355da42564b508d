package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// folder keeps each object as one file below root; the key is the relative path.
type folder struct {
	root     string
	identity os.FileInfo // of root at open, to notice that it was unmounted or replaced
	files    *openFiles
	dirs     *durableDirs
	observe  Observer
	now      func() time.Time
	hook     func(step string)
	closing  gate
}

var _ Store = (*folder)(nil)

func openFolder(ctx context.Context, root string, o options) (Store, error) {
	f := &folder{root: filepath.Clean(root), files: newOpenFiles(o.openFiles), observe: o.observe, now: o.now, hook: o.hook}
	if err := cancelled(ctx, OpOpen, f.url("")); err != nil {
		return nil, err
	}
	if err := createRoot(f.root); err != nil {
		return nil, f.fail(OpOpen, "", err)
	}
	identity, err := os.Stat(f.root)
	if err != nil {
		return nil, f.fail(OpOpen, "", err)
	}
	f.identity = identity
	f.dirs = newDurableDirs(f.root)
	removed, err := sweepLeftovers(ctx, f.root, f.now())
	if err != nil {
		return nil, f.fail(OpOpen, "", err)
	}
	if removed > 0 {
		o.logger.InfoContext(ctx, "removed files of writes that were interrupted", "folder", f.root, "files", removed)
	}
	return f, nil
}

func (f *folder) url(key string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(f.root, filepath.FromSlash(key)))}).String()
}

func (f *folder) path(key string) string { return filepath.Join(f.root, filepath.FromSlash(key)) }

// begin checks what every call checks first and returns the function that ends the call.
func (f *folder) begin(ctx context.Context, op, key string, check func(string) error) (func(int64, error), error) {
	if !f.closing.enter() {
		return nil, &Error{Op: op, Object: f.url(key), Class: ErrClosed}
	}
	start := f.now()
	end := func(n int64, err error) {
		f.closing.leave()
		f.observe(op, n, f.now().Sub(start), err)
	}
	err := cancelled(ctx, op, f.url(key))
	if bad := check(key); bad != nil {
		err = &Error{Op: op, Object: f.url(""), Cause: bad}
	}
	if err != nil {
		end(0, err)
		return nil, err
	}
	return end, nil
}

func (f *folder) Get(ctx context.Context, key string) (data []byte, err error) {
	end, err := f.begin(ctx, OpGet, key, CheckKey)
	if err != nil {
		return nil, err
	}
	defer func() { end(int64(len(data)), err) }()
	file, err := os.Open(f.path(key))
	if err != nil {
		return nil, f.fail(OpGet, key, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, f.fail(OpGet, key, err)
	}
	if !info.Mode().IsRegular() {
		return nil, f.fail(OpGet, key, fs.ErrNotExist)
	}
	// The file is complete before it gets its name and never changes after, so its size is the size of the object.
	data = make([]byte, info.Size())
	if err := readFull(ctx, file, data, 0); err != nil {
		return nil, f.fail(OpGet, key, err)
	}
	return data, nil
}

func (f *folder) GetRange(ctx context.Context, key string, off, n int64) (data []byte, err error) {
	end, err := f.begin(ctx, OpGetRange, key, CheckKey)
	if err != nil {
		return nil, err
	}
	defer func() { end(int64(len(data)), err) }()
	if err := checkRange(off, n); err != nil {
		return nil, f.fail(OpGetRange, key, err)
	}
	file, err := f.files.acquire(f.path(key))
	if err != nil {
		return nil, f.fail(OpGetRange, key, err)
	}
	defer f.files.release(file)
	if n > file.size-off {
		return nil, f.fail(OpGetRange, key, shortObject(off, n, file.size))
	}
	data = make([]byte, n)
	if err := readFull(ctx, file.file, data, off); err != nil {
		return nil, f.fail(OpGetRange, key, err)
	}
	return data, nil
}

func (f *folder) Stat(ctx context.Context, key string) (info Info, err error) {
	end, err := f.begin(ctx, OpStat, key, CheckKey)
	if err != nil {
		return Info{}, err
	}
	defer func() { end(0, err) }()
	st, err := os.Stat(f.path(key))
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Info{}, f.fail(OpStat, key, err)
	}
	return Info{Key: key, Size: st.Size(), Modified: st.ModTime().UTC()}, nil
}

func (f *folder) Delete(ctx context.Context, key string) (err error) {
	end, err := f.begin(ctx, OpDelete, key, CheckKey)
	if err != nil {
		return err
	}
	defer func() { end(0, err) }()
	path := f.path(key)
	// An open handle would keep the blocks of the removed file.
	defer f.files.evict(path)
	st, err := os.Lstat(path)
	if err == nil && st.IsDir() {
		return nil // a folder of other keys is not an object
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err = f.fail(OpDelete, key, err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Close waits for calls that run and closes the open files.
func (f *folder) Close() error {
	f.closing.shut()
	if err := f.files.close(); err != nil {
		return &Error{Op: "close", Object: f.url(""), Cause: err}
	}
	return nil
}

// checkRange refuses ranges that no object can have.
func checkRange(off, n int64) error {
	if off < 0 || n < 0 || off+n < 0 {
		return fmt.Errorf("range of %d bytes at offset %d: %w", n, off, ErrInvalid)
	}
	return nil
}

func shortObject(off, n, size int64) error {
	return fmt.Errorf("%d bytes at offset %d of an object of %d bytes: %w", n, off, size, io.ErrUnexpectedEOF)
}

// readFull fills p from offset off, and gives up between chunks when ctx is done.
func readFull(ctx context.Context, r io.ReaderAt, p []byte, off int64) error {
	const chunk = 4 << 20
	for len(p) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.ReadAt(p[:min(len(p), chunk)], off)
		p, off = p[n:], off+int64(n)
		if err == io.EOF && len(p) > 0 {
			return fmt.Errorf("file was cut while it was read: %w", ErrDamaged)
		}
		if err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}
