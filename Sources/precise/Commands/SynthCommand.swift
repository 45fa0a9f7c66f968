import ArgumentParser
import Files
import Foundation
import Reporting
import Synth

/// `precise synth`: a made-up many-scene world with titles.
struct SynthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synth",
    abstract: "Makes up a world of users, items and events to try things on.",
    discussion: """
      Example:
        precise synth --out raw/ --users 2000 --items 1000 --seed 1
        precise synth --out raw/ --users 10000 --items 8000 --events 13 --kind growing

      Writes interactions.csv (user,item,scene,behavior,timestamp) and items.csv (item,scene,text), ready for \
      precise prepare. Users' interests drift over topics, a series' next part follows its last, rarer behaviors happen on \
      better matches, and some items appear late. The same numbers give the same files.
      """)

  @Option(
    name: .customLong("out"), help: ArgumentHelp("The folder to write to, made when missing.", valueName: "folder"),
    completion: .directory)
  var output: String
  @Option(help: "Number of users.")
  var users = WorldOptions().users
  @Option(help: "Number of items over all scenes, at least 10 a scene.")
  var items = WorldOptions().items
  @Option(help: "Number of scenes, 1 to 64; each is quieter than the one before.")
  var scenes = WorldOptions().scenes
  @Option(help: "Number of behaviors, 1 to 8; each is rarer than the one before.")
  var behaviors = WorldOptions().behaviors
  @Option(help: "Mean number of events a user, at least 5.")
  var events = WorldOptions().meanEvents
  @Option(help: "Days that the events spread over.")
  var days = WorldOptions().days
  @Option(
    help: "steady, or growing: a catalogue that grows until the last day, with a long tail. (default: steady)",
    completion: .values(of: WorldKind.self), transform: WorldKind.parse)
  var kind = WorldKind.steady
  @Option(help: "The seed of everything, 0 or more.")
  var seed = WorldOptions().seed
  @Flag(help: "Write interactions.csv.gz and items.csv.gz.")
  var gzip = false
  @Flag(help: "Replace files of these names that stand in the folder.")
  var overwrite = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    if let fault = options.fault { throw ValidationError(fault) }
  }

  func run() throws {
    try reportingFailures {
      do {
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
      } catch {
        throw InputError("cannot make the folder \(output): \(systemReason(error))")
      }
      let start = ContinuousClock.now
      let world = World(options)
      let folder = output.count > 1 && output.hasSuffix("/") ? String(output.dropLast()) : output
      let writer = WorldWriter(world, folder: folder, isGzipped: gzip)
      for path in [writer.itemsPath, writer.interactionsPath] where !overwrite && access(path, F_OK) == 0 {
        throw InputError("\(path) is there already; give --overwrite to replace it or name another --out")
      }
      let bar = ProgressBar("synth", total: users, unit: "user", console: outputOptions.console)
      let summary = try writer.write { bar.update(completed: $0) }
      bar.finish()
      if !outputOptions.quiet { report(world, summary, writer, seconds: (ContinuousClock.now - start) / .seconds(1)) }
    }
  }

  private var options: WorldOptions {
    var options = WorldOptions()
    (options.users, options.items, options.scenes, options.behaviors) = (users, items, scenes, behaviors)
    (options.meanEvents, options.days, options.kind, options.seed) = (events, days, kind, seed)
    return options
  }

  private func report(_ world: World, _ summary: WorldSummary, _ writer: WorldWriter, seconds: Double) {
    func list(_ names: [String], _ counts: [Int]) -> String {
      zip(names, counts).map { "\($0) \($1)" }.joined(separator: ", ")
    }
    print(
      """
      \(HumanFormat.count(users, "user")), \(HumanFormat.count(items, "item")) (\(HumanFormat.count(world.lateItems)) appear late, \
      \(HumanFormat.count(world.itemsInTwoScenes)) stand in two scenes), \(HumanFormat.count(world.topics, "topic")), \
      \(HumanFormat.count(summary.events, "event"))
      scenes: \(list(world.scenes, summary.eventsByScene))
      behaviors: \(list(world.behaviors, summary.eventsByBehavior))
      written: \(writer.interactionsPath) and \(writer.itemsPath), \(HumanFormat.bytes(summary.bytes)) of text in \
      \(HumanFormat.decimal(seconds, 2)) s (\(HumanFormat.rate(Double(summary.events) / max(seconds, 1e-3))) events/s)
      \(NextCommands.lines(
        NextCommands.prepare(interactions: writer.interactionsPath, items: writer.itemsPath)).joined(separator: "\n"))
      """)
  }
}
