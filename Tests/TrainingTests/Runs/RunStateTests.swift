import Config
import Foundation
import Reporting
import Runs
import TestSupport
import Testing

@testable import Training

/// Whether a run is under way, or how it ended, as `inspect`, `watch` and `report` say it.
struct RunStateTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld() }

  private func state(_ name: String, _ config: RunConfig) throws -> RunState {
    let directory = RunDirectory(path: world.folder.file(name))
    return RunState(directory, config, try RunHistory(path: directory.metricsPath))
  }

  private func config() throws -> RunConfig {
    try world.config(
      "universal.epochs=2", "checkpoint.every_steps=1",
      "targeted=[{name: like, behavior: \(world.behavior), history: all, epochs: 1, negatives: 40}]")
  }

  @Test func aRunFromItsBeginningToItsEnd() throws {
    let config = try config()
    let directory = RunDirectory(path: world.folder.file("run"))
    #expect(try state("run", config) == .empty)
    #expect(try world.leg(config, of: "run", stopAfter: 3) != .finished)
    #expect(try state("run", config) == .stopped)
    #expect(PhaseState(directory, phase: "universal", nil) == .begun && PhaseState(directory, phase: "like", nil) == .empty)
    #expect(try world.leg(config, of: "run", only: "universal", resuming: true) == .finished)
    #expect(try state("run", config) == .partlyTrained)
    do {
      let lock = try RunLock(directory)
      let running = try state("run", config)
      #expect(running.isRunning && running.sentence.hasPrefix("being trained by process \(getpid()) on "))
      withExtendedLifetime(lock) {}
    }
    #expect(try world.leg(config, of: "run", resuming: true) == .finished)
  }

  @Test func aFailureIsToldUntilTheRunHasFinished() throws {
    let config = try config()
    _ = try world.leg(config, of: "run", stopAfter: 3)
    let record = "{\"rank\": 0, \"host\": \"h\", \"phase\": \"universal\", \"step\": 3, \"cause\": \"the disk is full\"}"
    try record.write(toFile: world.folder.file("run/failure.json"), atomically: true, encoding: .utf8)
    #expect(try state("run", config) == .failed(cause: "the disk is full"))
    #expect(try world.leg(config, of: "run", resuming: true) == .finished)
    // Each start of the command removes the record of the one before.
    #expect(try state("run", config) == .failed(cause: "the disk is full"))
    try FileManager.default.removeItem(atPath: world.folder.file("run/failure.json"))
    #expect(try state("run", config) == .finished)
  }
}
