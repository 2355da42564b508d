package objstore

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// List walks only the folders that can hold keys with the prefix, one folder in memory at a time.
func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		began := f.now()
		var err error
		defer func() { f.observe(OpList, 0, f.now().Sub(began), err) }()
		if bad := checkPrefix(prefix); bad != nil {
			err = &Error{Op: OpList, Object: f.url(""), Cause: bad}
			yield(Info{}, err)
			return
		}
		start := ""
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			start = prefix[:i+1]
		}
		w := &walk{f: f, ctx: ctx, prefix: prefix, yield: yield}
		if stop := w.folder(start); stop != nil && !errors.Is(stop, errStopped) {
			err = f.fail(OpList, prefix, stop)
			yield(Info{}, err)
		}
	}
}

var errStopped = errors.New("the caller stopped")

type walk struct {
	f      *folder
	ctx    context.Context
	prefix string
	yield  func(Info, error) bool
}

// folder yields what is in the folder at, which is "" or ends with a slash.
func (w *walk) folder(at string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	// The caller's loop may call Close, so the gate is asked for each folder and not held.
	if w.f.closing.isShut() {
		return ErrClosed
	}
	entries, err := os.ReadDir(w.f.path(at))
	if isAbsent(err) {
		return w.f.checkRoot() // a folder that is not there holds no keys, unless the store itself is gone
	}
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	byName := make(map[string]fs.DirEntry, len(entries))
	for _, e := range entries {
		// With the slash, names sort as the keys below them do: "a-b" comes before "a/b".
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		names = append(names, name)
		byName[name] = e
	}
	slices.Sort(names)
	for _, name := range names {
		key := at + name
		below, isDir := strings.CutSuffix(key, "/")
		if refuse(below) != "" {
			continue
		}
		if isDir {
			if strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key) {
				if err := w.folder(key); err != nil {
					return err
				}
			}
			continue
		}
		if !strings.HasPrefix(key, w.prefix) {
			continue
		}
		if err := w.file(key, byName[name]); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) file(key string, e fs.DirEntry) error {
	info, err := e.Info()
	if e.Type()&fs.ModeSymlink != 0 {
		// Get follows a link to a file, so the listing does too.
		info, err = os.Stat(filepath.Join(w.f.root, filepath.FromSlash(key)))
	}
	if isAbsent(err) {
		return nil // removed since the folder was read
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	if !w.yield(Info{Key: key, Size: info.Size(), Modified: info.ModTime().UTC()}, nil) {
		return errStopped
	}
	return nil
}
