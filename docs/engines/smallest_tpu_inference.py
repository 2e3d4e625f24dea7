"""One row, temperature .5 and top-p .8: what verification keeps, and what sampling without speculation keeps."""

from judge_tpu_inference import TPUSupportedSamplingMetadata, jax, jnp, package, rejection_sampler

package("vllm")
package("vllm.config")
package("vllm.v1")
package("vllm.config.model", PROCESSED_LOGPROBS_MODES=())
package("vllm.v1.outputs", LogprobsTensors=object)
package("tpu_inference.models")
package("tpu_inference.models.common")
package("tpu_inference.models.common.compiler_options", get_sampling_compiler_options=lambda: None)
package("tpu_inference.envs")

from tpu_inference.layers.jax.sample import sampling  # noqa: E402  (need the lines above)

logits = jnp.log(jnp.array([[0.5, 0.28, 0.12, 0.1]]))
given = TPUSupportedSamplingMetadata(
    temperature=jnp.array([0.5]), top_k=jnp.array([0]), top_p=jnp.array([0.8]), do_sampling=True
)
verified = rejection_sampler._compute_probs(logits, jnp.array([1]), given)[0]
sampled = jax.nn.softmax(sampling._apply_sampling_transforms(logits, given), axis=-1)[0]
print("verification:       ", [round(float(x), 3) for x in verified])
print("without speculation:", [round(float(x), 3) for x in sampled])
