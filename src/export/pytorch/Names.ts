/** Paths of a network as names of Python: `stage1.0.conv1` is `stage1_0_conv1`. */

/** Words of Python, and what a module of PyTorch or the file itself has under these names already. */
const taken = new Set(
  `F False None Path T_destination Tensor True add_module and apply as assert async await bfloat16 break buffers
  call_super_init children class compile continue cpu cuda def del double dump_patches elif else eval except extra_repr
  finally float for forward from get_buffer get_extra_state get_parameter get_submodule global half if images import in
  ipu is json lambda load_file load_state_dict math modules mtia named_buffers named_children named_modules
  named_parameters nn nonlocal not or parameters pass raise register_backward_hook register_buffer register_forward_hook
  register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
  register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
  register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ return self set_extra_state set_submodule
  share_memory state_dict to to_empty torch train training try type while with xpu yield zero_grad Attention
  EmbedTokens SqueezeExcite QuantizedConv2d QuantizedLinear Quantize Format Network average_pool max_pool`.split(
    /\s+/u,
  ),
)

/** A different name for every path, the same ones for the same paths. */
export const pythonNames = (paths: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const names = new Map<string, string>()
  const used = new Set(taken)
  for (const path of paths) {
    if (names.has(path)) continue
    let name = path.replaceAll(/[^A-Za-z0-9_]/gu, "_")
    while (used.has(name)) name += "_"
    used.add(name)
    names.set(path, name)
  }
  return names
}
