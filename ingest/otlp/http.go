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
	if err := setDeadlines(w, time.Now().Add(r.o.ReadTimeout)); err != nil {
		return fragment.Rejected{}, err
	}
	body, err := r.readBody(req)
	if err != nil {
		return fragment.Rejected{}, err
	}
	defer r.release(body)
	// The connection is watched while the store works. A deadline that passes then would look like a client that has gone.
	if err := setDeadlines(w, time.Time{}); err != nil {
		return fragment.Rejected{}, err
	}
	message := body.b
	if kind == typeJSON {
		// Objects are made of JSON. A body that would need more than there is takes all, so that it can be taken when nothing else is.
		if err := r.pay(body, min(jsonFactor*int64(len(body.b)), r.o.MaxInflightBytes-body.held)); err != nil {
			return fragment.Rejected{}, err
		}
		if message, err = fromJSON(body.b); err != nil {
			return fragment.Rejected{}, err
		}
	}
	return r.take(req.Context(), tenant, message, body.held)
}

// jsonFactor is how much more memory JSON takes than its text, roughly.
const jsonFactor = 4

// setDeadlines bounds the time of the bytes that come from now on, and lifts the bound that a server for queries has on its answers: how long the store
// takes is the store's to say. A server in a test may not support it; the limit on bytes in flight still holds.
func setDeadlines(w http.ResponseWriter, read time.Time) error {
	c := http.NewResponseController(w)
	for _, err := range []error{c.SetReadDeadline(read), c.SetWriteDeadline(time.Time{})} {
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("read body: %w", err)
		}
	}
	return nil
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
	r.refused(req.Context(), "http", a, err)
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
