import Testing

@testable import Reports

struct PrincipalAxesTests {
  /// A cross whose arms have lengths 3 and 1, turned by 30 degrees: the axes are its arms, and the shares 9/10 and 1/10.
  @Test func aTurnedCrossIsTurnedBack() throws {
    let (cosine, sine) = (0.75.squareRoot(), 0.5)
    let cross: [(Double, Double)] = [(3, 0), (-3, 0), (0, 1), (0, -1)]
    let rows = cross.map { x, y in [Float(cosine * x - sine * y + 5), Float(sine * x + cosine * y - 2), 7] }
    let axes = try #require(PrincipalAxes(rows))
    for (point, (x, y)) in zip(axes.points, cross) {
      #expect(abs(point.x - x) < 1e-5 && abs(point.y.magnitude - y.magnitude) < 1e-5)
    }
    #expect(abs(axes.shares.x - 0.9) < 1e-6 && abs(axes.shares.y - 0.1) < 1e-6)
  }

  @Test func thereMustBeASpread() {
    #expect(PrincipalAxes([[1, 2], [1, 2], [1, 2]]) == nil && PrincipalAxes([[1, 2], [3, 4]]) == nil)
    #expect(PrincipalAxes([[.nan, 2], [3, 4], [5, 6]]) == nil && PrincipalAxes([[1], [2], [3]]) == nil)
  }

  /// Points on a line have nothing along the second axis.
  @Test func aLineHasOneAxis() throws {
    let axes = try #require(PrincipalAxes((0..<5).map { [Float($0), Float(2 * $0), Float(-$0)] }))
    #expect(abs(axes.shares.x - 1) < 1e-9 && axes.shares.y < 1e-9)
    #expect(axes.points.allSatisfy { abs($0.y) < 1e-6 })
  }
}
