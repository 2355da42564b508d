package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/hot"
	"github.com/taeldb/tael/fragment"
)

func (in *inspector) hotDirectory(path string) error {
	dir, err := hot.InspectDir(path)
	if err != nil {
		return err
	}
	in.printf("hot tier %s: data directory %s, newest segment %d, %d segments there", path, dir.DataDir, dir.Counter, len(dir.Segments))
	for _, segment := range dir.Segments {
		if err := in.segment(segment); err != nil {
			return err
		}
	}
	return nil
}

var errEnough = errors.New("enough")

func (in *inspector) segment(path string) error {
	var yield func(tenant string, row *fragment.Row) error
	if in.rows > 0 || in.check {
		yield = func(_ string, row *fragment.Row) error {
			s := row.Span()
			in.span(&s)
			return nil
		}
	}
	r, err := hot.InspectSegment(in.ctx, path, yield)
	if err != nil {
		return err
	}
	state := ""
	if r.State != "" {
		state = " (" + r.State + ")"
	}
	in.printf("segment %d%s, %s: %d spans in %d entries, %d resources, %d entries known to be on disk", r.Counter, state, path, r.Spans, r.Entries, r.Resources, r.Synced)
	in.times(r.Bounds.MinStart, r.Bounds.MaxStart)
	for _, tenant := range slices.Sorted(maps.Keys(r.Tenants)) {
		in.printf("  tenant %s: %d spans", tenant, r.Tenants[tenant])
	}
	for _, l := range r.Logs {
		in.printf("  log %s: %d records in %d of %d bytes", l.Name, l.Records, l.Whole, l.Bytes)
	}
	for _, name := range r.Tables {
		in.printf("  table %s", name)
	}
	in.found(r.Damage...)
	return nil
}

func (in *inspector) times(first, last uint64) {
	if last != 0 {
		in.printf("  starts from %s to %s", tael.FormatTime(first), tael.FormatTime(last))
	}
}

// block prints a block of the hot tier that was put into a file of its own. The resources of its spans are not in it, and neither is the trace id of an entry of version 1.
func (in *inspector) block(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	block, err := fragment.ReadBlock(b, tael.TraceID{}, nil)
	if err != nil {
		return fmt.Errorf("inspect %s: it is no file that taeld writes, or damaged where that could be told; as a block of the hot tier: %w", path, err)
	}
	bodies, err := block.Bodies(nil)
	if err != nil {
		return fmt.Errorf("inspect %s: %w", path, err)
	}
	in.printf("block %s: %d entries, %d bytes", path, len(block.Entries), len(b))
	decoder := fragment.NewDecoder()
	for i := range block.Entries {
		e := &block.Entries[i]
		in.printf("trace %s: %d spans, %d with errors, %d bytes", e.TraceID, e.Header.Spans, e.Header.Errors, e.Length)
		in.times(e.Header.MinStart, e.Header.MaxStart)
		err := decoder.Rows(e.Body(bodies), func(fragment.ResourceID) ([]byte, error) { return nil, nil }, func(row *fragment.Row) error {
			s := row.Span()
			in.span(&s)
			return nil
		})
		if err != nil {
			return fmt.Errorf("inspect %s: %w", path, err)
		}
	}
	return nil
}
