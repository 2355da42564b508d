package kill

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/bench/loadgen"
	"github.com/taeldb/tael/fragment"
)

// answer is what a list of spans and a trace have in common.
type answer struct {
	Spans []struct {
		SpanID string `json:"span_id"`
	} `json:"spans"`
	Partial bool     `json:"partial"`
	Missing []string `json:"missing"`
}

// honest asks for some traces while the object store is away. One that is hot must be there with every acknowledged span; one that is cold must be
// whole, or be said to be partial with a reason, or be an error that is not the client's.
func (r *rig) honest(l *loadgen.Ledger, hot bool) {
	r.t.Helper()
	g := l.Generator()
	traces := l.Traces()
	r.rng.Shuffle(len(traces), func(i, j int) { traces[i], traces[j] = traces[j], traces[i] })
	for _, trace := range traces[:min(5, len(traces))] {
		acked := l.Acked(trace)
		code, body := r.get(fmt.Sprintf("/api/v1/traces/%x", g.TraceID(trace)), tael.DefaultTenant)
		if code >= http.StatusInternalServerError && !hot {
			continue
		}
		var a answer
		if err := json.Unmarshal(body, &a); code != http.StatusOK || err != nil {
			r.t.Fatalf("trace %d, hot %t: %d %v: %s", trace, hot, code, err, body)
		}
		if a.Partial != (len(a.Missing) > 0) {
			r.t.Fatalf("trace %d: partial %t, and missing is %q", trace, a.Partial, a.Missing)
		}
		times := map[string]int{}
		for _, s := range a.Spans {
			times[s.SpanID]++
		}
		for span := range g.TraceSpans(trace) {
			n := times[fmt.Sprintf("%x", g.SpanID(trace, span))]
			lost := acked&(1<<span) != 0 && n == 0 && (hot || !a.Partial)
			if lost || n > 1 {
				r.t.Fatalf("trace %d, hot %t: span %d, acknowledged %t, is there %d times; partial: %q", trace, hot, span, acked&(1<<span) != 0, n, a.Missing)
			}
		}
	}
}

// newest asks for the newest spans while the object store is away.
func (r *rig) newest() {
	r.t.Helper()
	code, body := r.get("/api/v1/spans?limit=20", tael.DefaultTenant)
	var a answer
	if err := json.Unmarshal(body, &a); err != nil || code != http.StatusOK || len(a.Spans) != 20 || a.Partial != (len(a.Missing) > 0) {
		r.t.Fatalf("the newest spans: %d %v: %s", code, err, body)
	}
}

// heavyTenant has large spans of random text, which fill the hot tier with little work.
const heavyTenant = "heavy"

// sendHeavy sends so many spans of half a megabyte, each a trace of its own.
func (r *rig) sendHeavy(n int) (ids []tael.TraceID) {
	r.t.Helper()
	text := make([]byte, 384<<10)
	for range n {
		for i := range text {
			text[i] = byte(r.rng.Uint32())
		}
		s := tael.Span{Name: "large", Start: uint64(time.Now().UnixNano()), Resource: &tael.Resource{}, Scope: &tael.Scope{}}
		s.End = s.Start + 1
		copy(s.TraceID[:], text)
		copy(s.SpanID[:], text)
		s.Attributes = []tael.KeyValue{{Key: "text", Value: tael.String(base64.StdEncoding.EncodeToString(text))}}
		p := probe{r: r, tenant: heavyTenant, payload: loadgen.Payload{Body: fragment.AppendOTLP(nil, []tael.Span{s})}}
		if code, _, said := p.post(); code != http.StatusOK {
			r.t.Fatalf("large span %d: %d %s", len(ids), code, said)
		}
		ids = append(ids, s.TraceID)
	}
	return ids
}

// checkHeavy asks for each of the large spans.
func (r *rig) checkHeavy(ids []tael.TraceID) {
	r.t.Helper()
	for _, id := range ids {
		code, body := r.get("/api/v1/traces/"+id.String(), heavyTenant)
		var a answer
		if err := json.Unmarshal(body, &a); err != nil || code != http.StatusOK || len(a.Spans) != 1 {
			r.t.Fatalf("large span of trace %s: %d %v, %d spans", id, code, err, len(a.Spans))
		}
	}
}

// probe is one request, sent again and again.
type probe struct {
	r       *rig
	tenant  string
	payload loadgen.Payload
	ledger  *loadgen.Ledger
}

func (r *rig) newProbe() *probe {
	r.t.Helper()
	o := gen.DefaultOptions(time.Now())
	o.Seed, o.Spans, o.SpansPerRequest = 1<<32, 20, 20
	g, err := gen.New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	p := &probe{r: r, tenant: tael.DefaultTenant, ledger: loadgen.NewLedger(g)}
	for payload, err := range loadgen.Stream(g, false).Payloads() {
		if err != nil {
			r.t.Fatal(err)
		}
		p.payload = payload
	}
	r.ledgers = append(r.ledgers, p.ledger)
	return p
}

func (p *probe) post() (code int, retryAfter, said string) {
	p.r.t.Helper()
	req, err := http.NewRequestWithContext(p.r.ctx, http.MethodPost, p.r.OTLP+"/v1/traces", bytes.NewReader(p.payload.Body))
	if err != nil {
		p.r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("X-Scope-OrgID", p.tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Retry-After"), string(body)
}

// export is the same over gRPC.
func (p *probe) export() error {
	p.r.t.Helper()
	var req collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(p.payload.Body, &req); err != nil {
		p.r.t.Fatal(err)
	}
	conn, err := grpc.NewClient(p.r.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		p.r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.r.ctx, 10*time.Second)
	defer cancel()
	_, err = collector.NewTraceServiceClient(conn).Export(ctx, &req)
	return errors.Join(err, conn.Close())
}

func (p *probe) mustBeTaken() {
	p.r.t.Helper()
	if code, _, said := p.post(); code != http.StatusOK {
		p.r.t.Fatalf("the request is refused: %d %s", code, said)
	}
	if err := p.export(); err != nil {
		p.r.t.Fatal(err)
	}
	p.ledger.Ack(p.payload.Refs)
}

// mustBeRefused checks that both doors ask for a retry, and say what is waited for.
func (p *probe) mustBeRefused() {
	p.r.t.Helper()
	code, retryAfter, said := p.post()
	if seconds, err := strconv.Atoi(retryAfter); code != http.StatusTooManyRequests || err != nil || seconds < 1 || !strings.Contains(said, "flush") {
		p.r.t.Fatalf("with a full hot tier: %d, Retry-After %q: %s", code, retryAfter, said)
	}
	err := p.export()
	st, retry := status.Convert(err), false
	for _, d := range st.Details() {
		info, ok := d.(*errdetails.RetryInfo)
		retry = retry || ok && info.GetRetryDelay().AsDuration() > 0
	}
	if st.Code() != codes.ResourceExhausted || !retry || !strings.Contains(st.Message(), "flush") {
		p.r.t.Fatalf("with a full hot tier, over gRPC: %v, details %v", err, st.Details())
	}
}
