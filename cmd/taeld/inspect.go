package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/hot"
)

// inspectCommand prints what a file or directory of ours holds. It knows each by its content, and changes nothing: a taeld may run on it.
type inspectCommand struct {
	Path  string `arg:"" help:"Data directory, segment, Parquet file, table directory, metadata file or manifest; or s3://bucket/prefix."`
	Rows  int    `name:"rows" help:"Print so many spans, as JSON, one a line."`
	Check bool   `name:"check" help:"Read every row, to find damage wherever it is."`

	S3Endpoint  string `name:"s3-endpoint" env:"TAEL_S3_ENDPOINT" help:"As for serve."`
	S3Region    string `name:"s3-region" env:"TAEL_S3_REGION" help:"As for serve."`
	S3PathStyle bool   `name:"s3-path-style" env:"TAEL_S3_PATH_STYLE" help:"As for serve."`
	S3CAFile    string `name:"s3-ca-file" env:"TAEL_S3_CA_FILE" help:"As for serve."`
}

// Run implements kong's command.
func (c *inspectCommand) Run(out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	in := &inspector{ctx: ctx, out: out, rows: c.Rows, check: c.Check, encoder: tael.NewJSONEncoder()}
	return errors.Join(c.inspect(in), in.err, in.damage())
}

func (c *inspectCommand) inspect(in *inspector) (err error) {
	if strings.HasPrefix(c.Path, "s3://") {
		store, err := objstore.Open(in.ctx, c.Path, s3Options(c.S3Endpoint, c.S3Region, c.S3CAFile, c.S3PathStyle))
		if err != nil {
			return err
		}
		return errors.Join(in.table(store, 0), store.Close())
	}
	info, err := os.Stat(c.Path)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return in.directory(path)
	}
	return in.file(path, info.Size())
}

func s3Options(endpoint, region, caFile string, pathStyle bool) objstore.S3Options {
	o := objstore.S3Options{Endpoint: endpoint, Region: region, CAFile: caFile}
	if pathStyle {
		o.Addressing = objstore.AddressPath
	}
	return o
}

// inspector prints, and collects what is damaged.
type inspector struct {
	ctx     context.Context
	out     io.Writer
	err     error // of out
	rows    int   // still to print
	check   bool
	encoder *tael.JSONEncoder
	damaged []string
}

func (in *inspector) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(in.out, format+"\n", args...); err != nil && in.err == nil {
		in.err = err
	}
}

// found notes damage, which is printed where it was found, and told at the end by the exit status.
func (in *inspector) found(damage ...string) {
	for _, d := range damage {
		in.printf("  damage: %s", d)
	}
	in.damaged = append(in.damaged, damage...)
}

func (in *inspector) damage() error {
	if len(in.damaged) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d things, the first: %s", tael.ErrDamaged, len(in.damaged), in.damaged[0])
}

// span prints one of the spans that were asked for; the rest is only counted.
func (in *inspector) span(s *tael.Span) {
	if in.rows > 0 {
		in.rows--
		in.printf("%s", in.encoder.AppendSpan(nil, s))
	}
}

func exists(elements ...string) bool {
	_, err := os.Stat(filepath.Join(elements...))
	return err == nil
}

// directory knows a directory by what lies in it.
func (in *inspector) directory(path string) error {
	switch root, ok := tableRoot(path); {
	case exists(path, "hot", "datadir"):
		in.printf("data directory %s", path)
		err := in.hotDirectory(filepath.Join(path, "hot"))
		if exists(path, "cold", "tael") {
			err = errors.Join(err, in.table(folder{filepath.Join(path, "cold")}, 0))
		}
		return err
	case exists(path, "datadir"):
		return in.hotDirectory(path)
	case ok:
		return in.table(folder{root}, 0)
	case hot.IsSegment(path):
		return in.segment(path)
	}
	return fmt.Errorf("inspect %s: %w: it holds no data directory, segment or table of taeld", path, tael.ErrInvalid)
}

// tableRoot finds the folder of the cold tier from it or from a directory in it, down to the one of the metadata files.
func tableRoot(path string) (root string, ok bool) {
	for _, up := range []string{"", "..", "../..", "../../.."} {
		if root := filepath.Join(path, up); exists(root, "tael", "spans", "metadata") {
			return root, true
		}
	}
	return "", false
}

// file knows a file by its content.
func (in *inspector) file(path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	defer f.Close()
	head := make([]byte, min(size, 64))
	if _, err := io.ReadFull(f, head); err != nil {
		return fmt.Errorf("inspect %s: %w", path, err)
	}
	dir := filepath.Dir(path)
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")) || strings.HasSuffix(path, ".parquet"):
		return in.parquet(path, f, size)
	case bytes.HasPrefix(head, []byte("Obj\x01")):
		return in.avro(path)
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) || strings.HasSuffix(path, ".metadata.json"):
		return in.metadata(path)
	case hot.IsSegment(dir):
		in.printf("%s is a part of a segment", path)
		return in.segment(dir)
	case exists(dir, "datadir") && bytes.HasPrefix(head, []byte("tael hot ")):
		return in.hotDirectory(dir)
	case isNumber(head) && size < 32:
		in.printf("%s holds the number %s", path, bytes.TrimSpace(head))
		return nil
	}
	return in.block(path)
}

func isNumber(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) > 0 && len(bytes.Trim(b, "0123456789")) == 0
}
