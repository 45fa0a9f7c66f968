/// An item of a made-up world.
struct WorldItem: Sendable, Equatable {
  let topic: UInt16
  /// The scene it is at home in.
  let scene: UInt8
  /// Another scene that has it too.
  var secondScene: UInt8?
  /// Its series, over the whole world, and its place in it from 1.
  var series: Int32 = 0
  var part: UInt8 = 1
  /// The series' style, which users like or not.
  var style: UInt8 = 0
  /// Whether its series is made to be liked; only growing worlds tell.
  var isCharming = true
  /// Whether its title names neither its series nor its part; only in growing worlds.
  var isPlain = false
  /// What mostly follows it: the next part, after the last one the next series' first.
  var next: Int32 = 0
  /// Unix seconds from which it can be met.
  var release = World.start

  init(topic: UInt16, scene: UInt8) {
    self.topic = topic
    self.scene = scene
  }

  func isIn(_ scene: UInt8) -> Bool { self.scene == scene || secondScene == scene }
}
