package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/taeldb/tael"
)

// probeWrite writes, syncs and removes a small file beside the data, as an append would have to: a disk that is full, read-only or failing
// shows here before a client's request does. A disk that hangs ends with the context; the write that hangs is left behind, and no other begins before it
// ends.
func (e *Engine) probeWrite(ctx context.Context) error {
	hangs := func() error {
		return fmt.Errorf("write probe in %s: %w: the disk does not answer: %w", e.o.DataDir, tael.ErrUnavailable, ctx.Err())
	}
	select {
	case e.probing <- struct{}{}:
	case <-ctx.Done():
		return hangs()
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-e.probing }()
		done <- probeFile(e.o.DataDir)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return hangs()
	}
}

func probeFile(dir string) (err error) {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("write probe: %w: %w", tael.ErrUnavailable, err)
	}
	path := f.Name()
	_, err = f.WriteString(filepath.Base(path))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close(), os.Remove(path)); err != nil {
		return fmt.Errorf("write probe in %s: %w: %w", dir, tael.ErrUnavailable, err)
	}
	return nil
}
