package otlp

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/taeldb/tael/access"
	"github.com/taeldb/tael/fragment"
)

const (
	typeProtobuf = "application/x-protobuf"
	typeJSON     = "application/json"
)

// ServeHTTP takes POST /v1/traces. The answer and its errors are in the request's encoding.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	kind, err := contentType(req)
	var rejected fragment.Rejected
	if err == nil {
		rejected, err = r.export(w, req, kind)
	}
	if err != nil {
		r.refuse(w, req, kind, err)
		return
	}
	r.write(w, kind, http.StatusOK, response(rejected))
}

func (r *Receiver) export(w http.ResponseWriter, req *http.Request, kind string) (fragment.Rejected, error) {
	tenant, err := r.access.Authorize(req.Header.Get("Authorization"), req.Header.Get("X-Scope-OrgID"), access.RoleWrite)
	if err != nil {
		return fragment.Rejected{}, err
	}
	// A server in a test may not support deadlines; the limit on bytes in flight still holds.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(r.o.ReadTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fragment.Rejected{}, fmt.Errorf("read body: %w", err)
	}
	body, err := r.readBody(req)
	if err != nil {
		return fragment.Rejected{}, err
	}
	defer r.release(body)
	message := body.b
	if kind == typeJSON {
		if message, err = fromJSON(body.b); err != nil {
			return fragment.Rejected{}, err
		}
	}
	return r.take(req.Context(), tenant, message)
}

func contentType(req *http.Request) (string, error) {
	header := req.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(header)
	if err != nil || kind != typeProtobuf && kind != typeJSON {
		return typeProtobuf, fmt.Errorf("%w: Content-Type %.80q: want %s or %s", errEncoding, header, typeProtobuf, typeJSON)
	}
	return kind, nil
}

func (r *Receiver) refuse(w http.ResponseWriter, req *http.Request, kind string, err error) {
	a := classify(err)
	r.metrics.refused(a.class)
	r.o.Logger.LogAttrs(req.Context(), levelOf(a), "refused an export request", slogAttrs("http", a, err)...)
	if a.retry {
		w.Header().Set("Retry-After", strconv.Itoa(int(max(1, (r.o.RetryAfter+time.Second-1)/time.Second))))
	}
	if a.http == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	r.write(w, kind, a.http, statusOf(err, a, r.o.RetryAfter).Proto())
}

func (r *Receiver) write(w http.ResponseWriter, kind string, code int, m proto.Message) {
	encode := proto.Marshal
	if kind == typeJSON {
		encode = protojson.Marshal
	}
	b, err := encode(m)
	if err != nil { // cannot happen for messages of ours; say so rather than answer an empty success
		http.Error(w, "cannot encode the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	if _, err := w.Write(b); err != nil {
		r.metrics.refused("answer_lost") // the client has gone; it will send again, which changes nothing
	}
}
