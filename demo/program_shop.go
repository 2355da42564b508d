package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const shopService = "demo-shop"

// shop is an HTTP service with a database behind it, instrumented with otelhttp as services are.
type shop struct {
	url    string
	db     database
	server *http.Server
	ended  chan error
}

// startShop listens on a free port of the loopback. The caller closes it.
func startShop(ctx context.Context, provider trace.TracerProvider) (*shop, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the shop: %w", err)
	}
	s := &shop{
		url: "http://" + listener.Addr().String(), ended: make(chan error, 1),
		db: database{tracer: provider.Tracer("demo/sqlclient", trace.WithInstrumentationVersion("0.3.0"), trace.WithInstrumentationAttributes(attribute.Bool("pooled", true)))},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{order}", s.order)
	mux.HandleFunc("POST /orders/{order}/refunds", s.refund)
	s.server = &http.Server{
		Handler:           otelhttp.NewHandler(mux, "shop", otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(propagation.TraceContext{})),
		ReadHeaderTimeout: 5 * time.Second,
	}
	go func() { s.ended <- s.server.Serve(listener) }()
	return s, nil
}

func (s *shop) close(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if serve := <-s.ended; !errors.Is(serve, http.ErrServerClosed) {
		err = errors.Join(err, serve)
	}
	return err
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	order := r.PathValue("order")
	rows, err := s.db.query(r.Context(), "SELECT", "orders", "SELECT id, state, total FROM orders WHERE id = $1", order)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	// The client sees a short answer as a failed request.
	_ = json.NewEncoder(w).Encode(map[string]any{"order": order, "state": "shipped", "rows": rows})
}

func (s *shop) refund(w http.ResponseWriter, r *http.Request) {
	order := r.PathValue("order")
	trace.SpanFromContext(r.Context()).AddEvent("refund.requested", trace.WithAttributes(attribute.String("order.id", order), attribute.Float64("amount", 49.90)))
	for _, statement := range []string{"UPDATE orders SET state = 'refunded' WHERE id = $1", "INSERT INTO refunds (order_id, amount) VALUES ($1, $2)"} {
		verb, _, _ := strings.Cut(statement, " ")
		if _, err := s.db.query(r.Context(), verb, "refunds", statement, order); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(http.StatusCreated)
}

// database is a client of a database that is not there: it makes the spans of one.
type database struct{ tracer trace.Tracer }

// lockedOrder is the order whose rows are always locked, so that there is an error to find.
const lockedOrder = "order-13"

var errLocked = errors.New("could not obtain lock on row in relation \"orders\"")

func (d database) query(ctx context.Context, verb, table, text, arg string) (rows int, err error) {
	_, span := d.tracer.Start(ctx, verb+" "+table, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "postgresql"), attribute.String("db.namespace", "shop"), attribute.String("db.operation.name", verb),
		attribute.String("db.collection.name", table), attribute.String("db.query.text", text), attribute.StringSlice("db.query.parameters", []string{arg}),
		attribute.String("server.address", "db.internal"), attribute.Int("server.port", 5432)))
	defer span.End()
	time.Sleep(2 * time.Millisecond) // what a query takes
	if arg == lockedOrder {
		span.RecordError(errLocked, trace.WithAttributes(attribute.String("db.response.status_code", "55P03")))
		span.SetStatus(codes.Error, "row is locked")
		return 0, errLocked
	}
	rows = 1 + len(arg)%3
	span.SetAttributes(attribute.Int("db.response.returned_rows", rows), attribute.Float64("db.load", 0.25), attribute.Bool("db.cached", rows == 1))
	return rows, nil
}
