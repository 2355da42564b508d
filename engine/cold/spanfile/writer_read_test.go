package spanfile

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/taeldb/tael/fragment"
)

// fileCases are files of every shape. Each reader's test reads them all.
func fileCases(t testing.TB) map[string]struct {
	opts WriterOptions
	rows []*fragment.Row
} {
	type fileCase = struct {
		opts WriterOptions
		rows []*fragment.Row
	}
	r := newRand(t)
	with := func(change func(*WriterOptions)) WriterOptions {
		o := testOptions()
		change(&o)
		return o
	}
	long := randomRows(r, 8)
	for i, row := range long {
		text := make([]byte, 1<<20+i)
		for j := range text {
			text[j] = "abcdefgh "[r.IntN(9)]
		}
		row.Attributes = append(row.Attributes, attr("gen_ai.completion", string(text)), attr("app.text", string(text)))
	}
	bare := []*fragment.Row{{Scope: randomRows(r, 1)[0].Scope, Resource: &fragment.ResourceRow{}}}
	return map[string]fileCase{
		"default":         {testOptions(), randomRows(r, 1500)},
		"no rows":         {testOptions(), nil},
		"one row":         {testOptions(), randomRows(r, 1)},
		"zero row":        {testOptions(), bare},
		"long texts":      {testOptions(), long},
		"small groups":    {with(func(o *WriterOptions) { o.RowGroupRows, o.PageRows, o.PageBytes = 300, 64, 2048 }), randomRows(r, 1500)},
		"tiny pages":      {with(func(o *WriterOptions) { o.RowGroupRows, o.PageRows, o.PageBytes = 1, 1, 1024 }), randomRows(r, 20)},
		"full dictionary": {with(func(o *WriterOptions) { o.DictionaryBytes, o.PageRows = 3000, 128 }), randomRows(r, 1500)},
		"no dictionary":   {with(func(o *WriterOptions) { o.DictionaryBytes = 0 }), randomRows(r, 500)},
		"small buffer":    {with(func(o *WriterOptions) { o.RowGroupBytes, o.PageRows = 64<<10, 100 }), randomRows(r, 1500)},
	}
}

func attr(key, text string) fragment.Attr {
	a := randomAttr(rand.New(rand.NewPCG(0, 0)), key)
	return fragment.Attr{Key: a.Key, Kind: 1, Bytes: []byte(text)}
}

// compareRows compares what a reader read with what was written.
func compareRows(t *testing.T, opts WriterOptions, rows []*fragment.Row, got []map[string]any) {
	t.Helper()
	if len(got) != len(rows) {
		t.Fatalf("read %d rows of %d", len(got), len(rows))
	}
	faults := 0
	for i, r := range rows {
		want := expect(opts.Tenant, r)
		if len(want) != len(got[i]) {
			t.Fatalf("row has %d columns, want %d", len(got[i]), len(want))
		}
		for name, cell := range want {
			w, g := show(cell), show(got[i][name])
			if w != g {
				t.Errorf("row %d column %s:\n got %.300s\nwant %.300s", i, name, g, w)
				if faults++; faults > 10 {
					t.FailNow()
				}
			}
		}
	}
}

func TestArrowReads(t *testing.T) {
	for name, c := range fileCases(t) {
		t.Run(name, func(t *testing.T) {
			data, _ := writeFile(t, c.opts, c.rows)
			compareRows(t, c.opts, c.rows, arrowRows(t, data))
		})
	}
}

// arrowRows reads a file with arrow-go.
func arrowRows(t *testing.T, data []byte) []map[string]any {
	t.Helper()
	pf, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := pf.Close(); err != nil {
			t.Error(err)
		}
	}()
	fr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: 1000}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := fr.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	rows := make([]map[string]any, table.NumRows())
	for i := range rows {
		rows[i] = map[string]any{}
	}
	for i, f := range table.Schema().Fields() {
		row := 0
		for _, chunk := range table.Column(i).Data().Chunks() {
			for j := range chunk.Len() {
				rows[row][f.Name] = arrowCell(chunk, j)
				row++
			}
		}
	}
	return rows
}

func arrowCell(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return string(a.Value(i))
	case *array.FixedSizeBinary:
		return string(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	case *array.Boolean:
		return a.Value(i)
	case *array.Map:
		var m []entry
		from, to := a.ValueOffsets(i)
		for j := from; j < to; j++ {
			m = append(m, entry{arrowCell(a.Keys(), int(j)).(string), arrowCell(a.Items(), int(j))})
		}
		return m
	case *array.List:
		var l []any
		from, to := a.ValueOffsets(i)
		for j := from; j < to; j++ {
			l = append(l, arrowCell(a.ListValues(), int(j)))
		}
		return l
	case *array.Struct:
		s := map[string]any{}
		for j, f := range a.DataType().(*arrow.StructType).Fields() {
			s[f.Name] = arrowCell(a.Field(j), i)
		}
		return s
	}
	panic(fmt.Sprintf("no cell for %T", a))
}

func TestWriterOptions(t *testing.T) {
	if err := testOptions().Validate(); err != nil {
		t.Error(err)
	}
	err := WriterOptions{}.Validate()
	if err == nil {
		t.Fatal("zero options are valid")
	}
	for _, name := range []string{"tenant", "RowGroupRows", "RowGroupBytes", "PageRows", "PageBytes", "TraceBits", "TermBits"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is missing in: %v", name, err)
		}
	}
}
