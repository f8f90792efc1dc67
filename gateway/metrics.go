package gateway

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/mayfly-faas/mayfly/runtime"
	"github.com/mayfly-faas/mayfly/runtime/image"
	"github.com/mayfly-faas/mayfly/runtime/pool"
)

// memoryMetrics tells Prometheus what a runtime holds in memory. It implements prometheus.Collector.
type memoryMetrics struct{ runtime *runtime.Runtime }

var (
	modulesDesc   = prometheus.NewDesc("mayfly_modules", "Compiled modules in memory.", nil, nil)
	pythonsDesc   = prometheus.NewDesc("mayfly_pythons", "Started CPythons in memory.", nil, nil)
	imagesDesc    = prometheus.NewDesc("mayfly_images", "Images of functions in memory.", nil, nil)
	imageDesc     = prometheus.NewDesc("mayfly_image_bytes", "Memory of the images of functions.", nil, nil)
	limitDesc     = prometheus.NewDesc("mayfly_sandbox_memory_limit_bytes", "The linear memory that all sandboxes together may have.", nil, nil)
	usedDesc      = prometheus.NewDesc("mayfly_sandbox_memory_bytes", "The linear memory that all sandboxes together have.", nil, nil)
	sandboxesDesc = prometheus.NewDesc("mayfly_sandboxes", "Sandboxes, by what they do: serve requests or are brought back (in_use), stand at a function's image (idle), belong to nobody (free).", []string{"state"}, nil)
	acquiredDesc  = prometheus.NewDesc("mayfly_sandboxes_acquired_total", "Sandboxes that requests have got, by where they came from.", []string{"source"}, nil)
	evictedDesc   = prometheus.NewDesc("mayfly_sandboxes_evicted_total", "Idle sandboxes that were ended to make room.", nil, nil)
	waitsDesc     = prometheus.NewDesc("mayfly_sandbox_waits_total", "Requests that had to wait for the memory of a sandbox.", nil, nil)
	resetDesc     = prometheus.NewDesc("mayfly_reset_mode", "How sandboxes are brought back to their images: 1 for the way that is in use.", []string{"mode"}, nil)
)

// Describe implements prometheus.Collector.
func (m memoryMetrics) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, to) }

// Collect implements prometheus.Collector.
func (m memoryMetrics) Collect(to chan<- prometheus.Metric) {
	in := m.runtime.InMemory()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(modulesDesc, float64(in.Modules))
	gauge(pythonsDesc, float64(in.Pythons))
	gauge(imagesDesc, float64(in.Images))
	gauge(imageDesc, float64(in.ImageBytes))
	gauge(limitDesc, float64(in.Pool.Limit))
	gauge(usedDesc, float64(in.Pool.Used))
	gauge(sandboxesDesc, float64(in.Pool.InUse), "in_use")
	gauge(sandboxesDesc, float64(in.Pool.Idle), "idle")
	gauge(sandboxesDesc, float64(in.Pool.Free), "free")
	for source, name := range map[pool.Source]string{pool.Warm: "warm", pool.Free: "free", pool.TakenOver: "taken_over", pool.Made: "made"} {
		counter(acquiredDesc, in.Pool.Acquired[source], name)
	}
	counter(evictedDesc, in.Pool.Evicted)
	counter(waitsDesc, in.Pool.Waits)
	for _, mode := range []image.Mode{image.Tracked, image.Copied} {
		v := 0.0
		if mode == m.runtime.ResetMode() {
			v = 1
		}
		gauge(resetDesc, v, string(mode))
	}
}

// metricsHandler serves the metrics in Prometheus' text format.
func metricsHandler(rt *runtime.Runtime) fasthttp.RequestHandler {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(memoryMetrics{rt})
	return fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}
