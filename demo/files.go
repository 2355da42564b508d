package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/cold/spanfile"
)

// parquetFile is one Parquet file of the cold tier.
type parquetFile struct {
	key   string
	bytes int64
	rows  int64 // -1 for a file of position deletes
}

// rangeReader reads an object as a span file.
type rangeReader struct {
	store objstore.Store
	key   string
}

func (r rangeReader) ReadRange(ctx context.Context, off, n int64) ([]byte, error) {
	return r.store.GetRange(ctx, r.key, off, n)
}

// files lists the Parquet files and what else the table has, by reading the place itself and not by asking taeld.
func (c *coldTier) files(ctx context.Context) (parquet []parquetFile, otherBytes int64, err error) {
	store, err := objstore.Open(ctx, c.url, c.s3)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for info, err := range store.List(ctx, "") {
		if err != nil {
			return nil, 0, err
		}
		if path.Ext(info.Key) != ".parquet" {
			otherBytes += info.Size
			continue
		}
		f := parquetFile{key: info.Key, bytes: info.Size, rows: -1}
		if !strings.HasSuffix(info.Key, ".deletes.parquet") {
			o := spanfile.DefaultReadOptions()
			o.Name = info.Key
			file, err := spanfile.Open(ctx, rangeReader{store, info.Key}, info.Size, o)
			if err != nil {
				return nil, 0, err
			}
			f.rows = file.Info().Rows
		}
		parquet = append(parquet, f)
	}
	return parquet, otherBytes, nil
}

// tellFiles prints the files and gives the sum of their rows.
func (c *coldTier) tellFiles(ctx context.Context, s *story) (rows int64, err error) {
	files, other, err := c.files(ctx)
	if err != nil {
		return 0, fmt.Errorf("list the Parquet files: %w", err)
	}
	bytes := other
	s.say("Parquet in %s:", c.url)
	for _, f := range files {
		bytes += f.bytes
		if f.rows < 0 {
			s.say("  %9s          %10d bytes  %s", "deletes", f.bytes, f.key)
			continue
		}
		rows += f.rows
		s.say("  %9d rows %12d bytes  %s", f.rows, f.bytes, f.key)
	}
	s.say("  %d files; with the table's metadata %.1f MB, %.0f bytes a span", len(files), float64(bytes)/1e6, float64(bytes)/float64(max(1, rows)))
	return rows, nil
}
