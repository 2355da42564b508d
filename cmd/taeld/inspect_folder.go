package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// folder is the cold tier's folder for reading only: unlike the store that taeld uses, it makes nothing and cleans nothing up.
type folder struct{ root string }

var _ objstore.Store = folder{}

func (f folder) path(key string) string { return filepath.Join(f.root, filepath.FromSlash(key)) }

// class gives a missing file the class that the cold tier asks for.
func class(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", objstore.ErrNotFound, err)
	}
	return err
}

func (f folder) Get(_ context.Context, key string) ([]byte, error) {
	b, err := os.ReadFile(f.path(key))
	return b, class(err)
}

func (f folder) GetRange(ctx context.Context, key string, off, n int64) ([]byte, error) {
	file, err := os.Open(f.path(key))
	if err != nil {
		return nil, class(err)
	}
	defer file.Close()
	return ranges{file}.ReadRange(ctx, off, n)
}

func (f folder) List(_ context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		under := prefix[:strings.LastIndex(prefix, "/")+1]
		err := filepath.WalkDir(f.path(under), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(f.root, path)
			if err != nil {
				return err
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile
			}
			if err != nil {
				return err
			}
			key := filepath.ToSlash(name)
			if strings.HasPrefix(key, prefix) && !yield(objstore.Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(objstore.Info{}, err)
		}
	}
}

func (f folder) Stat(_ context.Context, key string) (objstore.Info, error) {
	info, err := os.Stat(f.path(key))
	if err != nil {
		return objstore.Info{}, class(err)
	}
	return objstore.Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

var errReadOnly = errors.New("inspect only reads")

func (folder) Put(context.Context, string, io.Reader) (int64, error) { return 0, errReadOnly }
func (folder) PutIfAbsent(context.Context, string, []byte) error     { return errReadOnly }
func (folder) Delete(context.Context, string) error                  { return errReadOnly }
func (folder) Close() error                                          { return nil }

// ranges reads parts of an open file, as spanfile asks for them.
type ranges struct{ f io.ReaderAt }

func (r ranges) ReadRange(_ context.Context, off, n int64) ([]byte, error) {
	b := make([]byte, n)
	if got, err := r.f.ReadAt(b, off); got < len(b) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}

// objectRanges is ranges of an object.
type objectRanges struct {
	store objstore.Store
	key   string
}

func (r objectRanges) ReadRange(ctx context.Context, off, n int64) ([]byte, error) {
	return r.store.GetRange(ctx, r.key, off, n)
}
