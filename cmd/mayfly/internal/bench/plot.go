package bench

// plot is a drawing with axes, in units of its own that a page scales: 720 by 300.
type plot struct {
	// ID is unique on a page. Title and Description are for who does not see the drawing.
	ID, Title, Description string
	X, Y                   []tick
	XLabel, YLabel         string
	Lines                  []line
	Boxes                  []box
	Legend                 []legend
}

// tick is a labelled place on an axis.
type tick struct {
	At    float64
	Label string
}

// line is a curve, with marked points.
type line struct {
	Class, Path string
	Marks       []mark
}

type mark struct {
	X, Y float64
	// Text is told of the point that is pointed at.
	Text string
}

// box is a bar.
type box struct {
	Class               string
	X, Y, Width, Height float64
	Text                string
}

type legend struct{ Class, Text string }

// The area of a plot within its axes.
const plotLeft, plotRight, plotTop, plotFoot = 70.0, 700.0, 16.0, 252.0

// Left, Right and Foot are where the axes are.
func (*plot) Left() float64  { return plotLeft }
func (*plot) Right() float64 { return plotRight }
func (*plot) Foot() float64  { return plotFoot }

// series is a named distribution in a curve plot.
type series struct {
	name, class string
	d           distribution
}
