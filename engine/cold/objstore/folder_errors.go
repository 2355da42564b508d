package objstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkRoot returns ErrNoStore when the folder is no longer the one that was opened, for example because the disk under
// it was unmounted. Without it a write would fill the empty mount point, and a read would say "not found" of everything.
func (f *folder) checkRoot() error {
	now, err := os.Stat(f.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoStore, err)
	}
	if !os.SameFile(f.identity, now) {
		return fmt.Errorf("%w: the folder was replaced while it was in use", ErrNoStore)
	}
	return nil
}

// fail wraps err, which is nil or what the operating system said, with operation, object, class and hint.
func (f *folder) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Object: f.url(key), Cause: err}
	var source sourceError
	switch {
	case errors.As(err, &source):
		e.Hint = "nothing was stored"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Hint = "the caller's deadline passed or it gave up"
	case errors.Is(err, ErrNoStore):
		e.Hint = "mount the disk or restore the folder at this path, then restart"
	case errors.Is(err, ErrInvalid), errors.Is(err, ErrDamaged):
	case op != OpOpen && isAbsent(err):
		if gone := f.checkRoot(); gone != nil {
			return f.fail(op, key, gone)
		}
		e.Class = ErrNotFound
		if op == OpPut || op == OpPutIfAbsent {
			// A folder went away under the write, or a part of the key is an object.
			e.Class, e.Hint = ErrInvalid, "no part of the key may itself be an object"
			if errors.Is(err, fs.ErrNotExist) {
				e.Class, e.Hint = ErrUnavailable, "another process removes folders here; try again"
			}
		}
	case errors.Is(err, syscall.EISDIR), errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR):
		e.Class, e.Hint = ErrInvalid, "a folder and an object cannot have one name"
	case errors.Is(err, syscall.ENAMETOOLONG):
		e.Class, e.Hint = ErrInvalid, "use a shorter key or a folder nearer to the root"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		e.Class, e.Hint = ErrFull, "free space, raise the quota or shorten the retention"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Class, e.Hint = ErrDenied, "let the user of this process read and write the folder, and mount it writable"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		e.Class, e.Hint = ErrUnavailable, "raise the limit of open files"
	default:
		var errno syscall.Errno
		if errors.As(err, &errno) {
			e.Class, e.Hint = ErrUnavailable, "check the disk and the system log"
		}
	}
	return e
}

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
