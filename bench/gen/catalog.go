package gen

import (
	"fmt"
	"strings"
)

// class says what a span is about, which decides its kind, its attributes and what may be under it.
type class uint8

const (
	classServer class = iota // an HTTP request received
	classClient              // an HTTP request sent
	classDB
	classLLM
	classTool
	classAgent
	classes
)

const pods = 3

// The OTLP span kinds, and the scopes (instrumentation libraries) that a span of each class is of.
var (
	classKind  = [classes]uint64{classServer: 2, classClient: 3, classDB: 3, classLLM: 3, classTool: 1, classAgent: 1}
	classScope = [classes]uint8{classServer: 0, classClient: 0, classDB: 1, classLLM: 2, classTool: 2, classAgent: 2}
)

const (
	scopes      = 3
	statusKinds = 4
	statusError = 3 // index of 500 in catalog.status
)

type service struct {
	name, language, version string
	routes                  []route
	tables                  []string
	dbSystem                string
	calls                   []uint8 // services that it sends requests to
	tools                   []string
	agent                   string // not empty: runs agents and so calls models
}

type route struct{ method, route string }

// The fleet. Service 0 is the door through which every trace comes in, service 1 runs the agent.
var services = []service{
	{name: "edge-gateway", language: "go", version: "4.12.1", dbSystem: "redis", tables: []string{"rate_limits", "api_keys"}, calls: []uint8{1, 2, 6},
		routes: []route{{"POST", "/v1/agents/{agent}/runs"}, {"POST", "/v1/chat/completions"}, {"POST", "/v1/threads/{thread}/messages"}, {"GET", "/v1/runs/{run}"}}, tools: []string{"authorize", "route_request"}},
	{name: "agent-runtime", language: "python", version: "2.7.0", dbSystem: "postgresql", tables: []string{"agent_runs", "agent_steps", "checkpoints"}, calls: []uint8{2, 3, 4, 5, 7}, agent: "customer-support",
		routes: []route{{"POST", "/internal/runs"}, {"POST", "/internal/runs/{run}/resume"}}, tools: []string{"search_orders", "refund_order", "lookup_policy", "escalate"}},
	{name: "planner", language: "python", version: "1.9.3", dbSystem: "postgresql", tables: []string{"plans", "plan_steps"}, calls: []uint8{3, 4, 5}, agent: "task-planner",
		routes: []route{{"POST", "/plan"}, {"POST", "/plan/{plan}/revise"}}, tools: []string{"decompose_goal", "rank_steps"}},
	{name: "retriever", language: "python", version: "3.2.2", dbSystem: "elasticsearch", tables: []string{"passages", "documents"}, calls: []uint8{8, 5},
		routes: []route{{"POST", "/retrieve"}, {"GET", "/documents/{document}"}}, tools: []string{"rerank", "expand_query"}},
	{name: "tool-runner", language: "nodejs", version: "0.31.5", dbSystem: "mongodb", tables: []string{"tool_calls", "sandboxes"}, calls: []uint8{6, 7, 9, 10}, agent: "code-assistant",
		routes: []route{{"POST", "/tools/{tool}/invoke"}, {"GET", "/tools"}}, tools: []string{"run_python", "fetch_url", "query_warehouse"}},
	{name: "memory-store", language: "go", version: "1.4.0", dbSystem: "redis", tables: []string{"episodes", "facts"}, calls: []uint8{8},
		routes: []route{{"GET", "/memory/{session}"}, {"PUT", "/memory/{session}"}}, tools: []string{"summarize_memory", "evict"}},
	{name: "orders-api", language: "java", version: "7.0.8", dbSystem: "mysql", tables: []string{"orders", "order_lines", "shipments"}, calls: []uint8{9, 10, 11},
		routes: []route{{"GET", "/orders/{order}"}, {"POST", "/orders/{order}/refunds"}, {"GET", "/customers/{customer}/orders"}}, tools: []string{"price_order", "validate_order"}},
	{name: "guardrails", language: "python", version: "1.1.7", dbSystem: "postgresql", tables: []string{"policies", "verdicts"}, calls: []uint8{5}, agent: "content-judge",
		routes: []route{{"POST", "/check/input"}, {"POST", "/check/output"}}, tools: []string{"detect_pii", "match_policy"}},
	{name: "embedder", language: "rust", version: "0.9.14", dbSystem: "redis", tables: []string{"vectors", "queue"}, calls: []uint8{5},
		routes: []route{{"POST", "/embed"}, {"POST", "/embed/batch"}}, tools: []string{"tokenize", "normalize"}},
	{name: "payments-api", language: "java", version: "5.3.3", dbSystem: "mysql", tables: []string{"payments", "ledger"}, calls: []uint8{11},
		routes: []route{{"POST", "/payments"}, {"GET", "/payments/{payment}"}}, tools: []string{"score_fraud", "convert_currency"}},
	{name: "inventory-api", language: "dotnet", version: "3.8.1", dbSystem: "mssql", tables: []string{"stock", "reservations"}, calls: []uint8{11},
		routes: []route{{"GET", "/stock/{sku}"}, {"POST", "/reservations"}}, tools: []string{"allocate", "forecast"}},
	{name: "notifier", language: "nodejs", version: "2.2.9", dbSystem: "mongodb", tables: []string{"notifications", "templates"}, calls: []uint8{5},
		routes: []route{{"POST", "/notify/email"}, {"POST", "/notify/webhook"}}, tools: []string{"render_template", "pick_channel"}},
}

var models = []struct {
	request, response, provider string
	weight                      int // of 100
}{
	{"gpt-5-mini", "gpt-5-mini-2026-08-07", "openai", 40},
	{"claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "anthropic", 27},
	{"gemini-2.5-flash", "gemini-2.5-flash-002", "gcp.vertex_ai", 16},
	{"gpt-5", "gpt-5-2026-08-07", "openai", 11},
	{"mistral-large-3", "mistral-large-3-2512", "mistral_ai", 6},
}

// op is one operation of one service: all that its spans have in common, already encoded.
type op struct {
	service  uint8
	class    class
	target   uint8  // of a client span: the service called
	model    int8   // of an LLM span: index into models
	name     string // span name
	path     string // of server and client spans: what the path begins with
	head     []byte // name, kind, flags
	constant []byte // the attributes that never change
}

type catalog struct {
	ops       []op
	by        [][classes][]uint16 // service, class -> ops
	resources [][pods][]byte      // ResourceSpans.resource field, encoded
	scopes    [][scopes][]byte    // ScopeSpans.scope field, encoded
	status    [statusKinds][]byte // http.response.status_code attributes
	userAgent [][]byte            // user_agent.original attributes
	finish    [2][]byte           // gen_ai.response.finish_reasons attributes
}

func newCatalog(seed uint64) *catalog {
	c := &catalog{
		by:        make([][classes][]uint16, len(services)),
		resources: make([][pods][]byte, len(services)),
		scopes:    make([][scopes][]byte, len(services)),
	}
	for i, code := range [statusKinds]int64{200, 201, 404, 500} {
		c.status[i] = appendInt(nil, fieldAttributes, "http.response.status_code", code)
	}
	for _, agent := range []string{
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64) Firefox/132.0",
		"python-httpx/0.28.1", "okhttp/4.12.0", "axios/1.7.9", "Go-http-client/2.0",
	} {
		c.userAgent = append(c.userAgent, appendString(nil, fieldAttributes, "user_agent.original", agent))
	}
	c.finish[0] = appendStrings(nil, fieldAttributes, "gen_ai.response.finish_reasons", "stop")
	c.finish[1] = appendStrings(nil, fieldAttributes, "gen_ai.response.finish_reasons", "tool_calls", "length")
	for s := range services {
		c.addOps(uint8(s))
		for p := range pods {
			c.resources[s][p] = encodeResource(seed, s, p)
		}
		c.scopes[s] = encodeScopes(services[s])
	}
	return c
}

func (c *catalog) add(o op) {
	o.head = appendVarintField(appendStringField(nil, fieldName, o.name), fieldKind, classKind[o.class])
	// flags is field 16, whose tag takes two bytes: sampled, and the parent is known not to be remote.
	o.head = append(o.head, byte(fieldFlags<<3&0x7f|5|0x80), byte(fieldFlags>>4), 0x01, 0x01, 0, 0)
	c.by[o.service][o.class] = append(c.by[o.service][o.class], uint16(len(c.ops)))
	c.ops = append(c.ops, o)
}

func (c *catalog) addOps(s uint8) {
	sv := services[s]
	for _, rt := range sv.routes {
		c.add(op{service: s, class: classServer, name: rt.method + " " + rt.route, path: pathPrefix(rt.route), constant: serverAttributes(sv, rt)})
	}
	for _, target := range sv.calls {
		for _, rt := range services[target].routes {
			c.add(op{service: s, class: classClient, target: target, name: rt.method, path: pathPrefix(rt.route), constant: clientAttributes(services[target], rt)})
		}
	}
	for _, table := range sv.tables {
		for _, verb := range []string{"SELECT", "INSERT", "UPDATE"} {
			c.add(op{service: s, class: classDB, name: verb + " " + table, constant: dbAttributes(sv, verb, table)})
		}
	}
	for _, tool := range sv.tools {
		c.add(op{service: s, class: classTool, name: "execute_tool " + tool, constant: toolAttributes(tool)})
	}
	if sv.agent == "" {
		return
	}
	c.add(op{service: s, class: classAgent, name: "invoke_agent " + sv.agent, constant: agentAttributes(sv.agent)})
	for m, model := range models {
		c.add(op{service: s, class: classLLM, model: int8(m), name: "chat " + model.request, constant: llmAttributes(m)})
	}
}

// pathPrefix is the part of a route before its parameter.
func pathPrefix(route string) string {
	if i := strings.IndexByte(route, '{'); i >= 0 {
		return route[:i]
	}
	return route + "/"
}

func serverAttributes(sv service, rt route) []byte {
	b := appendString(nil, fieldAttributes, "http.request.method", rt.method)
	b = appendString(b, fieldAttributes, "http.route", rt.route)
	b = appendString(b, fieldAttributes, "url.scheme", "https")
	return appendString(b, fieldAttributes, "server.address", sv.name+".agents.svc")
}

func clientAttributes(target service, rt route) []byte {
	b := appendString(nil, fieldAttributes, "http.request.method", rt.method)
	b = appendString(b, fieldAttributes, "server.address", target.name+".agents.svc")
	b = appendInt(b, fieldAttributes, "server.port", 8443)
	return appendString(b, fieldAttributes, "peer.service", target.name)
}

func dbAttributes(sv service, verb, table string) []byte {
	b := appendString(nil, fieldAttributes, "db.system.name", sv.dbSystem)
	b = appendString(b, fieldAttributes, "db.namespace", strings.ReplaceAll(sv.name, "-", "_"))
	b = appendString(b, fieldAttributes, "db.operation.name", verb)
	b = appendString(b, fieldAttributes, "db.collection.name", table)
	b = appendString(b, fieldAttributes, "db.query.text", map[string]string{
		"SELECT": "SELECT id, state, payload FROM " + table + " WHERE id = $1",
		"INSERT": "INSERT INTO " + table + " (id, state, payload) VALUES ($1, $2, $3)",
		"UPDATE": "UPDATE " + table + " SET state = $2 WHERE id = $1",
	}[verb])
	return appendString(b, fieldAttributes, "server.address", sv.dbSystem+".data.svc")
}

func toolAttributes(tool string) []byte {
	b := appendString(nil, fieldAttributes, "gen_ai.operation.name", "execute_tool")
	b = appendString(b, fieldAttributes, "gen_ai.tool.name", tool)
	return appendString(b, fieldAttributes, "code.function.name", "tools."+tool+".run")
}

func agentAttributes(agent string) []byte {
	b := appendString(nil, fieldAttributes, "gen_ai.operation.name", "invoke_agent")
	b = appendString(b, fieldAttributes, "gen_ai.agent.name", agent)
	b = appendString(b, fieldAttributes, "gen_ai.agent.id", "agent_"+agent+"_v3")
	return appendString(b, fieldAttributes, "app.tenant.plan", "enterprise")
}

func llmAttributes(m int) []byte {
	b := appendString(nil, fieldAttributes, "gen_ai.operation.name", "chat")
	b = appendString(b, fieldAttributes, "gen_ai.provider.name", models[m].provider)
	b = appendString(b, fieldAttributes, "gen_ai.request.model", models[m].request)
	b = appendString(b, fieldAttributes, "gen_ai.response.model", models[m].response)
	b = appendInt(b, fieldAttributes, "gen_ai.request.max_tokens", 4096)
	return appendDouble(b, fieldAttributes, "gen_ai.request.temperature", 0.2)
}

func encodeScopes(sv service) [scopes][]byte {
	var out [scopes][]byte
	for i, s := range [scopes][2]string{
		{"io.opentelemetry." + sv.language + ".http", "0.49.2"},
		{"io.opentelemetry." + sv.language + "." + sv.dbSystem, "0.49.2"},
		{"tael.example.agents.instrumentation", "1.3.0"},
	} {
		scope := appendStringField(appendStringField(nil, fieldScopeName, s[0]), fieldScopeVersion, s[1])
		out[i] = appendBytesField(nil, fieldScope, scope)
	}
	return out
}

func encodeResource(seed uint64, s, p int) []byte {
	sv := services[s]
	r := rng{state: domainSeed(seed, domainCatalog) + uint64(s*pods+p)}
	hash := fmt.Sprintf("%08x", uint32(r.next()))[:8]
	pod := fmt.Sprintf("%s-%s-%05x", sv.name, hash, r.below(1<<20))
	uid := uuid(&r)
	a := func(b []byte, key, value string) []byte { return appendString(b, fieldResourceAttributes, key, value) }
	b := a(nil, "service.name", sv.name)
	b = a(b, "service.namespace", "agents")
	b = a(b, "service.version", sv.version)
	b = a(b, "service.instance.id", uid)
	b = a(b, "deployment.environment.name", "production")
	b = a(b, "telemetry.sdk.name", "opentelemetry")
	b = a(b, "telemetry.sdk.language", sv.language)
	b = a(b, "cloud.provider", "aws")
	b = a(b, "cloud.region", "eu-west-1")
	b = a(b, "k8s.cluster.name", "agents-prod-1")
	b = a(b, "k8s.namespace.name", "agents")
	b = a(b, "k8s.deployment.name", sv.name)
	b = a(b, "k8s.pod.name", pod)
	b = a(b, "k8s.node.name", fmt.Sprintf("ip-10-0-%d-%d.ec2.internal", r.below(256), r.below(256)))
	b = a(b, "host.name", pod)
	b = a(b, "host.arch", "amd64")
	b = a(b, "os.type", "linux")
	b = appendInt(b, fieldResourceAttributes, "process.pid", int64(1+r.below(40)))
	return appendBytesField(nil, fieldResource, b)
}

func uuid(r *rng) string {
	hi, lo := r.next(), r.next()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(hi), uint16(hi>>32), uint16(hi>>48)&0xfff, uint16(lo)&0xfff, lo>>16)
}
