package objstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// leftoverAge is how old a temporary file or an empty folder must be before open removes it: another process may be
// writing into the same place, and no write takes an hour.
const leftoverAge = time.Hour

// durableDirs makes folders and remembers which of them are known to be synced into their parents.
type durableDirs struct {
	root  string
	mu    sync.Mutex
	known map[string]bool
}

func newDurableDirs(root string) *durableDirs {
	return &durableDirs{root: root, known: map[string]bool{root: true}}
}

// ensure makes dir, which is root or below it, and all folders between. It returns when all of them would survive a
// power cut. A folder that somebody else has just made is synced as well, because that one may not have got so far.
func (d *durableDirs) ensure(dir string) error {
	d.mu.Lock()
	known := d.known[dir]
	d.mu.Unlock()
	if known {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := d.ensure(parent); err != nil {
		return err
	}
	err := os.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrNotExist) {
		d.forget(parent)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := syncDir(parent); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// The sweep that removes empty folders runs in another process, if at all; forgetting everything now and then
	// keeps the map small over years of partitions.
	if len(d.known) >= 4096 {
		d.known = map[string]bool{d.root: true}
	}
	d.known[dir] = true
	return nil
}

// forget drops what is known of dir and the folders above it, up to root.
func (d *durableDirs) forget(dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; dir != d.root && strings.HasPrefix(dir, d.root); dir = filepath.Dir(dir) {
		delete(d.known, dir)
	}
}

// createRoot makes root and what is missing above it, durably.
func createRoot(root string) error {
	st, err := os.Stat(root)
	if err == nil {
		if !st.IsDir() {
			return &fs.PathError{Op: "open", Path: root, Err: syscall.ENOTDIR}
		}
		// Who made it may have died before its name was on the disk. Where its parent may not be opened, somebody else takes care.
		if err := syncDir(filepath.Dir(root)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(root)
	if parent == root {
		return err
	}
	if err := createRoot(parent); err != nil {
		return err
	}
	if err := os.Mkdir(root, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sweepLeftovers removes temporary files and empty folders that nobody has touched for leftoverAge, and returns how many
// files it removed. What another process removes or fills meanwhile is left alone.
func sweepLeftovers(ctx context.Context, root string, now time.Time) (removed int, err error) {
	old := func(e fs.DirEntry) bool {
		info, err := e.Info()
		return err == nil && now.Sub(info.ModTime()) > leftoverAge
	}
	var sweep func(dir string) (left int, err error)
	sweep = func(dir string) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			// Gone meanwhile, or not ours (lost+found): leave it.
			return 1, nil
		}
		if err != nil {
			return 0, err
		}
		left := len(entries)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if e.IsDir() {
				// Asked before the sweep below changes the time of the folder itself.
				idle := old(e)
				inside, err := sweep(path)
				if err != nil {
					return 0, err
				}
				if inside == 0 && idle && os.Remove(path) == nil {
					left--
				}
				continue
			}
			if strings.HasPrefix(e.Name(), tempPrefix) && old(e) {
				if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return 0, err
				}
				left--
				removed++
			}
		}
		return left, nil
	}
	_, err = sweep(root)
	return removed, err
}
