package spanfile

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// newRand is fixed, so that the tests are the same everywhere, unless TAEL_TEST_LONG=1 asks for other inputs every time.
func newRand(t testing.TB) *rand.Rand {
	seed := uint64(1)
	if os.Getenv("TAEL_TEST_LONG") == "1" {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// randomRows makes n rows in file order with everything that OTLP allows.
func randomRows(r *rand.Rand, n int) []*fragment.Row {
	const day = 1_790_000_000_000_000_000
	resources := make([]*fragment.ResourceRow, 7)
	for i := range resources {
		resources[i] = randomResource(r, i)
	}
	scopes := []*tael.Scope{
		{}, {Name: "http", Version: "1.2"}, {Name: "käse", SchemaURL: "https://x/1", Dropped: 3, Attributes: []tael.KeyValue{{Key: "a", Value: tael.Int(-5)}}},
		{Attributes: []tael.KeyValue{{Key: "", Value: tael.Value{}}, {Key: "deep", Value: tael.Array([]tael.Value{tael.Map([]tael.KeyValue{{Key: "k", Value: tael.Bytes([]byte{0, 255})}})})}}},
	}
	var rows []*fragment.Row
	for len(rows) < n {
		var id tael.TraceID
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		start := uint64(day + r.Int64N(60_000_000_000))
		for range min(n-len(rows), 1+r.IntN(30)) {
			row := &fragment.Row{
				TraceID: id, Start: start + r.Uint64N(1e9), Sequence: r.Uint64N(40)<<32 | r.Uint64N(1000), Kind: int32(r.IntN(6)), StatusCode: int32(r.IntN(3)),
				Flags: uint32(pickOne(r, 0, 0x101, math.MaxUint32)), Name: []byte(pickOne(r, "", "GET /", "chat gpt", strings.Repeat("ü", r.IntN(40)))),
				TraceState: []byte(pickOne(r, "", "", "a=b,c=d")), StatusMessage: []byte(pickOne(r, "", "boom", "x"+fmt.Sprint(r.IntN(1000)))),
				Attributes: randomAttrs(r, r.IntN(14)), DroppedAttributes: uint32(pickOne(r, 0, 0, 7, math.MaxUint32)), DroppedEvents: uint32(r.IntN(2)), DroppedLinks: uint32(r.IntN(2)),
				Resource: pickOne(r, resources...), Scope: pickOne(r, scopes...),
			}
			row.End = row.Start + r.Uint64N(5e9)
			switch r.IntN(50) {
			case 0:
				row.End = row.Start - r.Uint64N(1e9)
			case 1:
				row.End = 0
			case 2:
				row.Kind, row.StatusCode = -7, math.MaxInt32
			}
			for i := range row.SpanID {
				row.SpanID[i], row.ParentID[i] = byte(r.Uint32()), byte(r.Uint32())
			}
			if r.IntN(4) == 0 {
				row.ParentID = tael.SpanID{}
			}
			for range r.IntN(4) * r.IntN(2) {
				row.Events = append(row.Events, fragment.EventRow{Time: r.Uint64N(1 << 63), Name: []byte(pickOne(r, "", "exception", "log")), Attributes: randomAttrs(r, r.IntN(5)), Dropped: uint32(r.IntN(3))})
			}
			for range r.IntN(3) * r.IntN(2) {
				row.Links = append(row.Links, fragment.LinkRow{TraceID: id, SpanID: row.SpanID, TraceState: []byte(pickOne(r, "", "z=1")), Attributes: randomAttrs(r, r.IntN(3)), Dropped: uint32(r.IntN(3)), Flags: r.Uint32()})
			}
			rows = append(rows, row)
		}
	}
	sortRows(rows)
	return rows
}

// sortRows puts rows in file order.
func sortRows(rows []*fragment.Row) {
	first := map[tael.TraceID]uint64{}
	for _, r := range rows {
		if at, ok := first[r.TraceID]; !ok || r.Start < at {
			first[r.TraceID] = r.Start
		}
	}
	sort.SliceStable(rows, func(i, j int) bool {
		a, b := rows[i], rows[j]
		if first[a.TraceID] != first[b.TraceID] {
			return first[a.TraceID] < first[b.TraceID]
		}
		if a.TraceID != b.TraceID {
			return bytes.Compare(a.TraceID[:], b.TraceID[:]) < 0
		}
		return a.Start < b.Start
	})
}

func randomResource(r *rand.Rand, i int) *fragment.ResourceRow {
	res := &fragment.ResourceRow{}
	if i == 0 {
		return res
	}
	res.ID = fragment.ResourceID{byte(i)}
	res.SchemaURL = pickOne(r, "", "https://opentelemetry.io/schemas/1.37.0")
	res.Dropped = uint32(r.IntN(2))
	res.Attributes = []tael.KeyValue{
		{Key: "service.name", Value: tael.String(fmt.Sprintf("service-%d", i))}, {Key: "k8s.pod.name", Value: tael.String(fmt.Sprintf("pod-%d", r.IntN(1000)))},
		{Key: "host.name", Value: tael.Int(5)}, {Key: "x\"\n\x01", Value: tael.Double(math.Inf(1))}, {Key: "x\"\n\x01", Value: tael.Bool(true)},
		{Key: "service.version", Value: tael.String("")}, {Key: "list", Value: tael.Array([]tael.Value{tael.Int(1), tael.String("b"), {}, tael.Double(0.5)})},
	}
	return res
}

func pickOne[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// randomAttrs has promoted keys with values of every type, other keys, and keys that repeat.
func randomAttrs(r *rand.Rand, n int) []fragment.Attr {
	var attrs []fragment.Attr
	for range n {
		key := pickOne(r, "http.route", "url.full", "server.port", "gen_ai.request.temperature", "gen_ai.prompt", "gen_ai.usage.input_tokens", "user.id",
			"app.a", "app.b", "", "ключ", fmt.Sprintf("app.key.%d", r.IntN(400)), "exception.type")
		attrs = append(attrs, randomAttr(r, key))
	}
	return attrs
}

func randomAttr(r *rand.Rand, key string) fragment.Attr {
	a := fragment.Attr{Key: []byte(key)}
	switch k := r.IntN(12); {
	case k < 6:
		a.Kind, a.Bytes = tael.KindString, []byte(pickOne(r, "", "a", "/users/{id}", "日本語", strings.Repeat("long text ", r.IntN(60)), fmt.Sprint(r.Uint64())))
	case k == 6:
		a.Kind, a.Num = tael.KindInt, pickOne(r, 0, 5432, math.MaxUint64, 1<<63, r.Uint64())
	case k == 7:
		a.Kind, a.Num = tael.KindDouble, math.Float64bits(pickOne(r, 0, math.Copysign(0, -1), 0.7, math.NaN(), math.Inf(-1), r.Float64()))
	case k == 8:
		a.Kind, a.Num = tael.KindBool, r.Uint64N(2)
	case k == 9:
		a.Kind, a.Bytes = tael.KindBytes, []byte{0xff, 0, byte(r.Uint32())}
	case k == 10:
		a.Kind, a.Bytes = tael.KindArray, fragment.AppendValue(nil, tael.Array([]tael.Value{tael.Int(r.Int64()), tael.String("x")}))
	default:
		a.Kind = tael.KindEmpty
	}
	if r.IntN(200) == 0 {
		a = fragment.Attr{Key: a.Key, Kind: tael.KindString, Bytes: []byte("not \xff UTF-8")}
	}
	return a
}

// writeFile writes the rows and gives the file.
func writeFile(t testing.TB, opts WriterOptions, rows []*fragment.Row) ([]byte, Info) {
	t.Helper()
	var file bytes.Buffer
	w := NewWriter(&file, opts)
	for _, r := range rows {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes != int64(file.Len()) || info.Rows != int64(len(rows)) || w.Rows() != info.Rows {
		t.Fatalf("info has %d bytes and %d rows, the file %d and %d", info.Bytes, info.Rows, file.Len(), len(rows))
	}
	return file.Bytes(), info
}

// testOptions have the tenant set.
func testOptions() WriterOptions {
	o := DefaultWriterOptions()
	o.Tenant = "acme"
	return o
}
