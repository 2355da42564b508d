package objstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The order of a write: folders made and synced into their parents, temporary file in the folder of the object, bytes,
// sync of the file, then one atomic step that gives it its name (rename, or link when it must not exist), then sync of
// the folder. A crash before the atomic step leaves a ".tmp-" file that the next open removes; a crash after it leaves
// the whole object.

// Modes of what is made, before umask. Objects hold prompts and personal data, so others get nothing; the group may read
// so that another engine can.
const (
	dirMode  = 0o750
	fileMode = 0o640
)

func (f *folder) Put(ctx context.Context, key string, r io.Reader) (size int64, err error) {
	end, err := f.begin(ctx, OpPut, key, CheckKey)
	if err != nil {
		return 0, err
	}
	defer func() { end(size, err) }()
	path := f.path(key)
	temp, size, err := f.writeTemp(ctx, path, r)
	if err != nil {
		return 0, f.fail(OpPut, key, err)
	}
	if err := step(f.hook, StepFolderName, func() error { return os.Rename(temp, path) }); err != nil {
		return 0, f.fail(OpPut, key, errors.Join(err, os.Remove(temp)))
	}
	f.files.evict(path)
	if err := f.syncName(path); err != nil {
		return 0, f.fail(OpPut, key, err)
	}
	return size, nil
}

func (f *folder) PutIfAbsent(ctx context.Context, key string, data []byte) (err error) {
	end, err := f.begin(ctx, OpPutIfAbsent, key, CheckKey)
	if err != nil {
		return err
	}
	defer func() { end(int64(len(data)), err) }()
	path := f.path(key)
	temp, _, err := f.writeTemp(ctx, path, bytes.NewReader(data))
	if err != nil {
		return f.fail(OpPutIfAbsent, key, err)
	}
	err = step(f.hook, StepFolderName, func() error { return os.Link(temp, path) })
	lost := errors.Is(err, fs.ErrExist)
	if lost {
		err = nil
	}
	// Also for the loser: it will build on the winner's object, which a power cut must not take away again.
	err = errors.Join(err, os.Remove(temp))
	if err == nil {
		err = f.syncName(path)
	}
	if err != nil {
		return f.fail(OpPutIfAbsent, key, err)
	}
	if lost {
		return f.compareWinner(key, path, data)
	}
	return nil
}

// compareWinner tells an earlier try of the same caller (equal bytes, success) from another one's object.
func (f *folder) compareWinner(key, path string, data []byte) error {
	exists := &Error{Op: OpPutIfAbsent, Object: f.url(key), Class: ErrExists, Hint: "read the object and decide again"}
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() != int64(len(data)) {
		return exists
	}
	found, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.fail(OpPutIfAbsent, key, err)
	}
	if err != nil || string(found) != string(data) {
		return exists
	}
	return nil
}

// syncName makes the name of a new file durable.
func (f *folder) syncName(path string) error {
	return step(f.hook, StepFolderSync, func() error { return syncDir(filepath.Dir(path)) })
}

// writeTemp writes r to a new synced file beside path.
func (f *folder) writeTemp(ctx context.Context, path string, r io.Reader) (temp string, size int64, err error) {
	err = step(f.hook, StepFolderTemp, func() (err error) {
		temp, size, err = f.copyTemp(ctx, path, r)
		return err
	})
	return temp, size, err
}

func (f *folder) copyTemp(ctx context.Context, path string, r io.Reader) (temp string, size int64, err error) {
	if err := f.checkRoot(); err != nil {
		return "", 0, err
	}
	file, err := f.createTemp(filepath.Dir(path))
	if err != nil {
		return "", 0, err
	}
	size, err = copyUntil(ctx, file, r)
	if err == nil {
		err = file.Sync()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", 0, errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), size, nil
}

// createTemp makes dir and a file in it. Another process may be removing empty folders, so a folder that goes away
// between the two steps is made again.
func (f *folder) createTemp(dir string) (*os.File, error) {
	var file *os.File
	var err error
	for range 10 {
		if err = f.dirs.ensure(dir); err == nil {
			name := filepath.Join(dir, tempPrefix+rand.Text())
			file, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
		f.dirs.forget(dir)
	}
	return nil, err
}

// sourceError marks an error as the reader's, so that it is not taken for one of the disk.
type sourceError struct{ err error }

func (e sourceError) Error() string { return fmt.Sprintf("reading the data to store: %v", e.err) }
func (e sourceError) Unwrap() error { return e.err }

// copyUntil copies r to w, giving up when ctx is done.
func copyUntil(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, 256<<10)
	var total int64
	for empty := 0; ; {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, rerr := r.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return total, err
			}
			total += int64(n)
			empty = 0
		}
		switch {
		case rerr == io.EOF:
			return total, nil
		case rerr != nil:
			return total, sourceError{rerr}
		case n == 0:
			if empty++; empty >= 100 {
				return total, sourceError{io.ErrNoProgress}
			}
		}
	}
}
