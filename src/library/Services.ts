/**
 * What effects of the library need of the machine: its files, through Node. Left out: layers of a program's own, which
 * the modules below the library take.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Layer } from "effect"

export const services = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)
