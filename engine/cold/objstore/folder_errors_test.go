package objstore

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestDiskErrors gives the errors of a failing disk, which a test cannot make at will, to the classification.
func TestDiskErrors(t *testing.T) {
	store, err := openFolder(t.Context(), t.TempDir(), options{now: time.Now, observe: func(string, int64, time.Duration, error) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	f := store.(*folder)
	for _, test := range []struct {
		op    string
		errno error
		class error // nil: none
	}{
		{OpPut, syscall.ENOSPC, ErrFull},
		{OpPut, syscall.EDQUOT, ErrFull},
		{OpPut, syscall.EROFS, ErrDenied},
		{OpGet, syscall.EACCES, ErrDenied},
		{OpGet, syscall.EPERM, ErrDenied},
		{OpGet, syscall.EIO, ErrUnavailable},
		{OpGet, syscall.EMFILE, ErrUnavailable},
		{OpGet, syscall.ESTALE, ErrUnavailable},
		{OpGet, syscall.ENOENT, ErrNotFound},
		{OpGet, syscall.ENOTDIR, ErrNotFound},
		{OpPut, syscall.ENOENT, ErrUnavailable},
		{OpPut, syscall.ENOTDIR, ErrInvalid},
		{OpPut, syscall.ENAMETOOLONG, ErrInvalid},
		{OpPut, sourceError{io.ErrUnexpectedEOF}, io.ErrUnexpectedEOF},
		{OpGet, context.Canceled, context.Canceled},
	} {
		err := f.fail(test.op, "a/b", &os.PathError{Op: "open", Path: "a/b", Err: test.errno})
		if !errors.Is(err, test.class) {
			t.Errorf("%s, %v: %v, want class %v", test.op, test.errno, err, test.class)
		}
		if !errors.Is(err, test.errno) {
			t.Errorf("%v hides its cause", err)
		}
		retry := errors.Is(test.class, ErrUnavailable)
		if errors.Is(err, ErrUnavailable) != retry {
			t.Errorf("%s, %v: can be tried again: %v, want %v", test.op, test.errno, !retry, retry)
		}
	}
	if f.fail(OpPut, "a", nil) != nil {
		t.Error("no error became one")
	}
}
