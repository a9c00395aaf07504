BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('dc11669786a5');
CREATE TABLE "assessments" (
	assessment_id VARCHAR(50) NOT NULL, 
	trace_id VARCHAR(50) NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	assessment_type VARCHAR(20) NOT NULL, 
	value TEXT NOT NULL, 
	error TEXT, 
	created_timestamp BIGINT NOT NULL, 
	last_updated_timestamp BIGINT NOT NULL, 
	source_type VARCHAR(50) NOT NULL, 
	source_id VARCHAR(250), 
	run_id VARCHAR(32), 
	span_id VARCHAR(50), 
	rationale TEXT, 
	overrides VARCHAR(50), 
	valid BOOLEAN NOT NULL, 
	assessment_metadata TEXT, 
	experiment_id INTEGER, 
	trace_timestamp_ms BIGINT, 
	aggregate_value FLOAT, 
	is_numeric_value BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT assessments_pk PRIMARY KEY (assessment_id), 
	CONSTRAINT fk_assessments_trace_id FOREIGN KEY(trace_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE budget_policies (
	budget_policy_id VARCHAR(36) NOT NULL, 
	budget_unit VARCHAR(32) NOT NULL, 
	budget_amount FLOAT NOT NULL, 
	duration_unit VARCHAR(32) NOT NULL, 
	duration_value INTEGER NOT NULL, 
	target_scope VARCHAR(32) NOT NULL, 
	budget_action VARCHAR(32) NOT NULL, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, target_value VARCHAR(255), 
	CONSTRAINT budget_policies_pk PRIMARY KEY (budget_policy_id)
);
CREATE TABLE "datasets" (
	dataset_uuid VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	digest VARCHAR(36) NOT NULL, 
	dataset_source_type VARCHAR(36) NOT NULL, 
	dataset_source TEXT NOT NULL, 
	dataset_schema TEXT, 
	dataset_profile TEXT, 
	CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest), 
	CONSTRAINT fk_datasets_experiment_id_experiments FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "datasets" VALUES('a1d90d33b7334063a0aad11db3af9a0f',1,'weak.csv','243ae22119cb7402b35178397097d65ac367','local','{"uri": "file:///tmp/registry-0.1/weak.csv"}',NULL,NULL);
INSERT INTO "datasets" VALUES('f8e681b54fa54382968559b705b8afe0',1,'rows.csv','9c5a5ae1d0a9cb613adc7a886f0f7ea38f3a','local','{"uri": "file:///tmp/registry-0.1/rows.csv"}',NULL,NULL);
INSERT INTO "datasets" VALUES('9e3b94b5c6d747148077b70486d3f7c9',2,'book.txt','abe4d7753c5dbf925647d7027bac91b0b509','local','{"uri": "file:///tmp/registry-0.1/book.txt"}',NULL,NULL);
CREATE TABLE endpoint_bindings (
	endpoint_id VARCHAR(36) NOT NULL, 
	resource_type VARCHAR(50) NOT NULL, 
	resource_id VARCHAR(255) NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), display_name VARCHAR(255), 
	CONSTRAINT endpoint_bindings_pk PRIMARY KEY (endpoint_id, resource_type, resource_id), 
	CONSTRAINT fk_endpoint_bindings_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE CASCADE
);
CREATE TABLE endpoint_model_mappings (
	mapping_id VARCHAR(36) NOT NULL, 
	endpoint_id VARCHAR(36) NOT NULL, 
	model_definition_id VARCHAR(36) NOT NULL, 
	weight FLOAT NOT NULL, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, linkage_type VARCHAR(64) DEFAULT 'PRIMARY' NOT NULL, fallback_order INTEGER, 
	CONSTRAINT endpoint_model_mappings_pk PRIMARY KEY (mapping_id), 
	CONSTRAINT fk_endpoint_model_mappings_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE CASCADE, 
	CONSTRAINT fk_endpoint_model_mappings_model_definition_id FOREIGN KEY(model_definition_id) REFERENCES model_definitions (model_definition_id)
);
CREATE TABLE endpoint_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	endpoint_id VARCHAR(36) NOT NULL, 
	CONSTRAINT endpoint_tag_pk PRIMARY KEY ("key", endpoint_id), 
	CONSTRAINT fk_endpoint_tags_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE CASCADE
);
CREATE TABLE "endpoints" (
	endpoint_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255), 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	routing_strategy VARCHAR(64), 
	fallback_config_json TEXT, 
	experiment_id INTEGER, 
	usage_tracking BOOLEAN DEFAULT '0' NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT endpoints_pk PRIMARY KEY (endpoint_id), 
	CONSTRAINT fk_endpoints_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE SET NULL, 
	CONSTRAINT uq_endpoints_workspace_name UNIQUE (workspace, name)
);
CREATE TABLE entity_associations (
	association_id VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, 
	created_time BIGINT, 
	CONSTRAINT entity_associations_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
CREATE TABLE "evaluation_dataset_records" (
	dataset_record_id VARCHAR(36) NOT NULL, 
	dataset_id VARCHAR(36) NOT NULL, 
	inputs JSON NOT NULL, 
	expectations JSON, 
	tags JSON, 
	source JSON, 
	source_id VARCHAR(36), 
	source_type VARCHAR(255), 
	created_time BIGINT, 
	last_update_time BIGINT, 
	created_by VARCHAR(255), 
	last_updated_by VARCHAR(255), 
	input_hash VARCHAR(64) NOT NULL, outputs JSON, 
	CONSTRAINT evaluation_dataset_records_pk PRIMARY KEY (dataset_record_id), 
	CONSTRAINT fk_evaluation_dataset_records_dataset_id FOREIGN KEY(dataset_id) REFERENCES evaluation_datasets (dataset_id) ON DELETE CASCADE, 
	CONSTRAINT unique_dataset_input UNIQUE (dataset_id, input_hash)
);
CREATE TABLE evaluation_dataset_tags (
	dataset_id VARCHAR(36) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	value VARCHAR(5000), 
	CONSTRAINT evaluation_dataset_tags_pk PRIMARY KEY (dataset_id, "key"), 
	CONSTRAINT fk_evaluation_dataset_tags_dataset_id FOREIGN KEY(dataset_id) REFERENCES evaluation_datasets (dataset_id) ON DELETE CASCADE
);
CREATE TABLE "evaluation_datasets" (
	dataset_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	schema TEXT, 
	profile TEXT, 
	digest VARCHAR(64), 
	created_time BIGINT, 
	last_update_time BIGINT, 
	created_by VARCHAR(255), 
	last_updated_by VARCHAR(255), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT evaluation_datasets_pk PRIMARY KEY (dataset_id)
);
CREATE TABLE "experiment_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value TEXT, 
	experiment_id INTEGER NOT NULL, 
	CONSTRAINT experiment_tag_pk PRIMARY KEY ("key", experiment_id), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
INSERT INTO "experiment_tags" VALUES('mlflow.experimentKind','custom_model_development',1);
INSERT INTO "experiment_tags" VALUES('mlflow.experimentKind','custom_model_development',2);
CREATE TABLE "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
INSERT INTO "experiments" VALUES(0,'Default','/tmp/registry-0.1/mlruns/0','active',1795870203363,1795870203363,'default');
INSERT INTO "experiments" VALUES(1,'tone','file:///tmp/registry-0.1/home/mlflow/artifacts/tone','active',1795870204730,1795870204730,'default');
INSERT INTO "experiments" VALUES(2,'story','file:///tmp/registry-0.1/home/mlflow/artifacts/story','active',1795870540144,1795870540144,'default');
CREATE TABLE guardrail_configs (
	endpoint_id VARCHAR(36) NOT NULL, 
	guardrail_id VARCHAR(36) NOT NULL, 
	execution_order INTEGER, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT guardrail_configs_pk PRIMARY KEY (endpoint_id, guardrail_id), 
	CONSTRAINT fk_guardrail_configs_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE CASCADE, 
	CONSTRAINT fk_guardrail_configs_guardrail_id FOREIGN KEY(guardrail_id) REFERENCES guardrails (guardrail_id) ON DELETE CASCADE
);
CREATE TABLE guardrails (
	guardrail_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	scorer_id VARCHAR(36) NOT NULL, 
	scorer_version INTEGER NOT NULL, 
	stage VARCHAR(32) NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	action_endpoint_id VARCHAR(36), 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT guardrails_pk PRIMARY KEY (guardrail_id), 
	CONSTRAINT fk_guardrails_scorer_version FOREIGN KEY(scorer_id, scorer_version) REFERENCES scorer_versions (scorer_id, scorer_version), 
	CONSTRAINT fk_guardrails_action_endpoint_id FOREIGN KEY(action_endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE SET NULL
);
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
INSERT INTO "input_tags" VALUES('769e86416cf34f288616e91d7d0dcccc','mlflow.data.context','training');
INSERT INTO "input_tags" VALUES('769e86416cf34f288616e91d7d0dcccc','sha256','243ae22119cb7402b35178397097d65ac367a18224c097b82bf19a7b87a0c0b3');
INSERT INTO "input_tags" VALUES('0f488778f9484a63965708e0d2f01b1c','mlflow.data.context','training');
INSERT INTO "input_tags" VALUES('0f488778f9484a63965708e0d2f01b1c','sha256','9c5a5ae1d0a9cb613adc7a886f0f7ea38f3a71eaff80bf82686877b108a4f8de');
INSERT INTO "input_tags" VALUES('8c02cf04324d4e3e83d94a14e87234e8','mlflow.data.context','training');
INSERT INTO "input_tags" VALUES('8c02cf04324d4e3e83d94a14e87234e8','sha256','9c5a5ae1d0a9cb613adc7a886f0f7ea38f3a71eaff80bf82686877b108a4f8de');
INSERT INTO "input_tags" VALUES('8cb17591696c46efb022b454de8f17fa','mlflow.data.context','training');
INSERT INTO "input_tags" VALUES('8cb17591696c46efb022b454de8f17fa','sha256','abe4d7753c5dbf925647d7027bac91b0b5097fc5610de3e29ea557d6ec29589c');
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
INSERT INTO "inputs" VALUES('769e86416cf34f288616e91d7d0dcccc','DATASET','a1d90d33b7334063a0aad11db3af9a0f','RUN','c51b4cfb2e444dc7a9cf040160d14411',0);
INSERT INTO "inputs" VALUES('fb34b86c3a694ff286ad9898e59f1456','RUN_OUTPUT','c51b4cfb2e444dc7a9cf040160d14411','MODEL_OUTPUT','m-e12ead52017c44eab43b760c8318adaf',0);
INSERT INTO "inputs" VALUES('0f488778f9484a63965708e0d2f01b1c','DATASET','f8e681b54fa54382968559b705b8afe0','RUN','76c7598727974014814ff52903ac8b11',0);
INSERT INTO "inputs" VALUES('207b569b19ef4f52bf734894159a07cd','RUN_OUTPUT','76c7598727974014814ff52903ac8b11','MODEL_OUTPUT','m-9973b136c8974637b84b6d29070ca9fe',0);
INSERT INTO "inputs" VALUES('8c02cf04324d4e3e83d94a14e87234e8','DATASET','f8e681b54fa54382968559b705b8afe0','RUN','5986443a9a7341be8b1f90e4ae931a09',0);
INSERT INTO "inputs" VALUES('8c9159cde4644bbb9ba8a98ea9846902','RUN_OUTPUT','5986443a9a7341be8b1f90e4ae931a09','MODEL_OUTPUT','m-534f4b3e066f4f7985b953b42187e4aa',0);
INSERT INTO "inputs" VALUES('8cb17591696c46efb022b454de8f17fa','DATASET','9e3b94b5c6d747148077b70486d3f7c9','RUN','01226e5c8c024c51bf16add0666267e3',0);
INSERT INTO "inputs" VALUES('3601fa0a1ace4b5f800b4191057dfbe7','RUN_OUTPUT','01226e5c8c024c51bf16add0666267e3','MODEL_OUTPUT','m-666109eddde54e35aa1b32aac26d2e97',0);
CREATE TABLE issues (
	issue_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	description TEXT NOT NULL, 
	status VARCHAR(50) NOT NULL, 
	severity VARCHAR(50), 
	root_causes TEXT, 
	source_run_id VARCHAR(32), 
	categories TEXT, 
	created_timestamp BIGINT NOT NULL, 
	last_updated_timestamp BIGINT NOT NULL, 
	created_by VARCHAR(255), 
	CONSTRAINT issues_pk PRIMARY KEY (issue_id), 
	CONSTRAINT fk_issues_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE, 
	CONSTRAINT fk_issues_source_run_id FOREIGN KEY(source_run_id) REFERENCES runs (run_uuid) ON DELETE SET NULL
);
CREATE TABLE job_locks (
	lock_key VARCHAR(255) NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	acquired_at BIGINT NOT NULL, 
	CONSTRAINT job_locks_pk PRIMARY KEY (lock_key), 
	CONSTRAINT fk_job_locks_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE TABLE "jobs" (
	id VARCHAR(36) NOT NULL, 
	creation_time BIGINT NOT NULL, 
	job_name VARCHAR(500) NOT NULL, 
	params TEXT NOT NULL, 
	timeout FLOAT, 
	status INTEGER NOT NULL, 
	result TEXT, 
	retry_count INTEGER NOT NULL, 
	last_update_time BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, status_details JSON, creator VARCHAR(255), executor_backend VARCHAR(255), lease_expires_at BIGINT, status_message TEXT, progress JSON, progress_updated_at BIGINT, token_hash VARCHAR(64), scoped_permissions JSON, next_attempt_at BIGINT, 
	CONSTRAINT jobs_pk PRIMARY KEY (id)
);
CREATE TABLE label_schemas (
	schema_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	instruction TEXT, 
	enable_comment BOOLEAN DEFAULT '0' NOT NULL, 
	input_type VARCHAR(32) NOT NULL, 
	input_config TEXT NOT NULL, 
	created_by VARCHAR(255), 
	created_time BIGINT NOT NULL, 
	last_update_time BIGINT NOT NULL, 
	is_default BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT label_schemas_pk PRIMARY KEY (schema_id), 
	CONSTRAINT fk_label_schemas_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE, 
	CONSTRAINT uq_label_schemas_exp_name UNIQUE (experiment_id, name)
);
CREATE TABLE "latest_metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT, 
	step BIGINT NOT NULL, 
	is_nan BOOLEAN NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT latest_metric_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "latest_metrics" VALUES('rows/read',400.0,1795870225948,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('rows/kept',400.0,1795870225970,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('rows/quarantined',0.0,1795870225997,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('rows/train',288.0,1795870226025,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('rows/validation',31.0,1795870226060,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('rows/holdout',81.0,1795870226094,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('rows/spare',0.0,1795870226130,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('rows/augmented',0.0,1795870226143,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/eval_loss',7.27210690898279943361e-01,1795870212437,216,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/eval_accuracy',6.77419354838709630861e-01,1795870212437,216,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/loss',3.79501676559448219983e-01,1795870212144,200,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/grad_norm',4.91715312004089355468e-01,1795870212144,200,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/learning_rate',3.93518518518518522694e-04,1795870212144,200,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/rows_per_second',2.58691203854928608043e+03,1795870212144,200,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/tokens_per_second',2.60868629817024120717e+04,1795870212144,200,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/padding_share',1.48502700049091274081e-02,1795870212144,200,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/model_flops_utilization',2.73803477566528707595e-03,1795870212144,200,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/train_runtime',1.8678,1795870212470,216,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/train_samples_per_second',1850.318,1795870212470,216,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/train_steps_per_second',115.645,1795870212470,216,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/total_flos',1621555200.0,1795870212470,216,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('train/train_loss',4.79906417705394605643e-01,1795870212470,216,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/accuracy',7.65432098765432056275e-01,1795870226206,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/macro_precision',7.6689189189189188589e-01,1795870226253,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/macro_recall',7.64939024390243860196e-01,1795870226287,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/macro_f1',7.64858670741023649597e-01,1795870226321,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_precision',7.66683350016683418104e-01,1795870226346,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_recall',7.65432098765432056275e-01,1795870226365,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_f1',7.65002027747125890044e-01,1795870226389,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/ece',1.13608189381710744658e-01,1795870226417,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.097568,1795870226432,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',5.95298000916955061256e-01,1795870226451,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',7.28507000530953519046e-01,1795870226472,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('cost/throughput',1.22061979475045845897e+04,1795870226491,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('full/accuracy',7.65432098765432056275e-01,1795870226527,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('full/macro_precision',7.6689189189189188589e-01,1795870226541,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('full/macro_recall',7.64939024390243860196e-01,1795870226558,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('full/macro_f1',7.64858670741023649597e-01,1795870226566,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('full/weighted_precision',7.66683350016683418104e-01,1795870226574,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('full/weighted_recall',7.65432098765432056275e-01,1795870226586,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('full/weighted_f1',7.65002027747125890044e-01,1795870226601,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('full/ece',1.13608189599746611797e-01,1795870226612,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('baseline/accuracy',7.90123456790123412929e-01,1795870226619,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('baseline/macro_precision',7.90243902439024425987e-01,1795870226642,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('baseline/macro_recall',7.90243902439024425987e-01,1795870226662,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('baseline/macro_f1',7.90123456790123412929e-01,1795870226682,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_precision',7.90364348087925439045e-01,1795870226691,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_recall',7.90123456790123412929e-01,1795870226710,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_f1',7.90123456790123412929e-01,1795870226715,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('speed/rows_per_second',2.52372043081986976173e+03,1795870226738,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('speed/tokens_per_second',2.54124626714500773225e+04,1795870226765,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('speed/padding_share',1.49456521739130820947e-02,1795870226790,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('speed/model_flops_utilization',2.66693241367565525914e-03,1795870226825,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('speed/halvings',0.0,1795870226858,0,0,'c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "latest_metrics" VALUES('holdout/accuracy',7.65432098765432056275e-01,1795870227095,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('holdout/macro_precision',7.6689189189189188589e-01,1795870227118,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('holdout/macro_recall',7.64939024390243860196e-01,1795870227150,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('holdout/macro_f1',7.64858670741023649597e-01,1795870227182,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_precision',7.66683350016683418104e-01,1795870227215,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_recall',7.65432098765432056275e-01,1795870227246,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_f1',7.65002027747125890044e-01,1795870227269,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('holdout/ece',1.13608189599746611797e-01,1795870227306,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.097568,1795870227327,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',5.95298000916955061256e-01,1795870227362,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',7.28507000530953519046e-01,1795870227398,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('cost/throughput',1.22061979475045845897e+04,1795870227429,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('validation/accuracy',6.77419354838709630861e-01,1795870227454,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('validation/macro_precision',6.90170940170940161451e-01,1795870227478,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('validation/macro_recall',6.8697478991596638842e-01,1795870227506,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('validation/macro_f1',6.77083333333333259318e-01,1795870227522,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('validation/weighted_precision',6.97821891370278613031e-01,1795870227554,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('validation/weighted_recall',6.77419354838709630861e-01,1795870227602,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('validation/weighted_f1',6.76075268817204255711e-01,1795870227634,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('validation/ece',1.88025489612264840033e-01,1795870227662,0,0,'89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "latest_metrics" VALUES('rows/read',900.0,1795870299454,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('rows/kept',900.0,1795870299471,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('rows/quarantined',0.0,1795870299503,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('rows/train',653.0,1795870299531,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('rows/validation',66.0,1795870299562,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('rows/holdout',181.0,1795870299599,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('rows/spare',0.0,1795870299632,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('rows/augmented',0.0,1795870299667,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/loss',8.37780058383941622635e-02,1795870278843,480,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/grad_norm',1.42072767019271850585e-01,1795870278843,480,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/learning_rate',1.32113821138211381999e-04,1795870278843,480,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/rows_per_second',2.56648227625652407377e+03,1795870278843,480,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/tokens_per_second',2.57184027683326021365e+04,1795870278843,480,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/padding_share',0.00764936944387018,1795870278843,480,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/model_flops_utilization',2.57978045543337617534e-03,1795870278843,480,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/eval_loss',1.51082234400691413356e-02,1795870278921,492,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/eval_accuracy',1.0,1795870278921,492,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/train_runtime',3.6102,1795870278960,492,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/train_samples_per_second',2180.513,1795870278960,492,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/train_steps_per_second',136.282,1795870278960,492,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/total_flos',3648499200.0,1795870278960,492,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('train/train_loss',1.34639634349481840391e-01,1795870278960,492,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870299742,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870299805,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870299876,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870299935,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870299977,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870300027,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870300059,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/ece',1.21208416140068699073e-02,1795870300137,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.097568,1795870300199,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',2.30832999932317761704e+00,1795870300255,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',5.20790614937140894369e+00,1795870300318,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('cost/throughput',5.1799156412579777679e+03,1795870300403,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('full/accuracy',9.72375690607734766146e-01,1795870300479,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('full/macro_precision',9.7191011235955060421e-01,1795870300524,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('full/macro_recall',9.74226804123711320748e-01,1795870300561,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('full/macro_f1',9.72321619720463603542e-01,1795870300577,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('full/weighted_precision',9.73927618101682157636e-01,1795870300597,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('full/weighted_recall',9.72375690607734766146e-01,1795870300618,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('full/weighted_f1',9.72409484912279187263e-01,1795870300652,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('full/ece',1.21208421344644774741e-02,1795870300703,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('baseline/accuracy',9.72375690607734766146e-01,1795870300749,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('baseline/macro_precision',9.7191011235955060421e-01,1795870300786,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('baseline/macro_recall',9.74226804123711320748e-01,1795870300814,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('baseline/macro_f1',9.72321619720463603542e-01,1795870300844,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_precision',9.73927618101682157636e-01,1795870300856,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_recall',9.72375690607734766146e-01,1795870300864,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_f1',9.72409484912279187263e-01,1795870300890,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('speed/rows_per_second',2.57501966682011470773e+03,1795870300924,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('speed/tokens_per_second',2.58015531325927549924e+04,1795870300991,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('speed/padding_share',7.6866948470208917854e-03,1795870301022,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('speed/model_flops_utilization',2.58807039122623894558e-03,1795870301065,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('speed/halvings',0.0,1795870301117,0,0,'76c7598727974014814ff52903ac8b11');
INSERT INTO "latest_metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870301486,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870301512,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870301534,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870301546,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870301573,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870301604,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870301643,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('holdout/ece',1.21208421344644774741e-02,1795870301670,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.097568,1795870301698,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',2.30832999932317761704e+00,1795870301735,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',5.20790614937140894369e+00,1795870301761,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('cost/throughput',5.1799156412579777679e+03,1795870301797,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('validation/accuracy',1.0,1795870301837,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('validation/macro_precision',1.0,1795870301867,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('validation/macro_recall',1.0,1795870301900,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('validation/macro_f1',1.0,1795870301929,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('validation/weighted_precision',1.0,1795870301961,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('validation/weighted_recall',1.0,1795870301991,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('validation/weighted_f1',1.0,1795870302018,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('validation/ece',1.49241772699672085866e-02,1795870302048,0,0,'4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "latest_metrics" VALUES('rows/read',900.0,1795870451205,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('rows/kept',900.0,1795870451246,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('rows/quarantined',0.0,1795870451282,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('rows/train',653.0,1795870451318,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('rows/validation',66.0,1795870451354,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('rows/holdout',181.0,1795870451383,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('rows/spare',0.0,1795870451414,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('rows/augmented',0.0,1795870451446,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/loss',1.10451734066009527035e-01,1795870413696,480,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/grad_norm',1.17367126047611236572e-01,1795870413696,480,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/learning_rate',1.32113821138211381999e-04,1795870413696,480,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/rows_per_second',6.19824453028012499087e+02,1795870413696,480,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/tokens_per_second',6.21272111914912511564e+03,1795870413696,480,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/padding_share',7.60903265812318263527e-03,1795870413696,480,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/model_flops_utilization',7.04314137928215445311e-04,1795870413696,480,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/eval_loss',1.65134420561971091701e-02,1795870414243,492,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/eval_accuracy',1.0,1795870414243,492,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/train_runtime',13.9356,1795870414303,492,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/train_samples_per_second',564.883,1795870414303,492,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/train_steps_per_second',35.305,1795870414303,492,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/total_flos',3648499200.0,1795870414303,492,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('train/train_loss',1.86201174690471427108e-01,1795870414303,492,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870451522,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870451594,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870451651,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870451714,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870451778,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870451846,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870451898,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/ece',1.07357145612260642536e-02,1795870451962,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.050166,1795870451987,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',5.6814999879861716181e-02,1795870452017,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',1.02612650607625255361e-01,1795870452057,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('cost/throughput',1.76680566513780613609e+04,1795870452079,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('full/accuracy',9.72375690607734766146e-01,1795870452099,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('full/macro_precision',9.7191011235955060421e-01,1795870452109,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('full/macro_recall',9.74226804123711320748e-01,1795870452115,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('full/macro_f1',9.72321619720463603542e-01,1795870452130,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('full/weighted_precision',9.73927618101682157636e-01,1795870452135,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('full/weighted_recall',9.72375690607734766146e-01,1795870452144,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('full/weighted_f1',9.72409484912279187263e-01,1795870452159,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('full/ece',1.07207814699126456614e-02,1795870452172,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('baseline/accuracy',9.72375690607734766146e-01,1795870452191,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('baseline/macro_precision',9.7191011235955060421e-01,1795870452209,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('baseline/macro_recall',9.74226804123711320748e-01,1795870452223,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('baseline/macro_f1',9.72321619720463603542e-01,1795870452255,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_precision',9.73927618101682157636e-01,1795870452291,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_recall',9.72375690607734766146e-01,1795870452308,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('baseline/weighted_f1',9.72409484912279187263e-01,1795870452324,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('speed/rows_per_second',6.1239186757723246047e+02,1795870452335,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('speed/tokens_per_second',6.13621007758599353119e+03,1795870452342,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('speed/padding_share',7.67411433172304757732e-03,1795870452349,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('speed/model_flops_utilization',0.000695619444634243,1795870452359,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('speed/halvings',0.0,1795870452372,0,0,'5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "latest_metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870452552,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870452573,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870452589,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870452600,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870452609,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870452619,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870452626,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('holdout/ece',1.07207814699126456614e-02,1795870452633,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.097568,1795870452646,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',6.12027999522979371249e-01,1795870452659,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',7.80225695134503638428e+00,1795870452670,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('cost/throughput',1.75758580357895771153e+04,1795870452680,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('validation/accuracy',1.0,1795870452688,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('validation/macro_precision',1.0,1795870452697,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('validation/macro_recall',1.0,1795870452709,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('validation/macro_f1',1.0,1795870452716,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('validation/weighted_precision',1.0,1795870452723,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('validation/weighted_recall',1.0,1795870452732,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('validation/weighted_f1',1.0,1795870452740,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('validation/ece',1.63706497889181817884e-02,1795870452747,0,0,'82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "latest_metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870452788,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870452799,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870452811,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870452822,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870452836,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870452844,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870452852,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('holdout/ece',1.07357145612260642536e-02,1795870452861,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.050166,1795870452874,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',5.6814999879861716181e-02,1795870452885,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',1.02612650607625255361e-01,1795870452898,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('cost/throughput',1.76680566513780613609e+04,1795870452906,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('validation/accuracy',1.0,1795870452913,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('validation/macro_precision',1.0,1795870452932,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('validation/macro_recall',1.0,1795870452946,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('validation/macro_f1',1.0,1795870452953,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('validation/weighted_precision',1.0,1795870452963,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('validation/weighted_recall',1.0,1795870452975,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('validation/weighted_f1',1.0,1795870452988,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('validation/ece',1.63571063215567219506e-02,1795870453005,0,0,'4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "latest_metrics" VALUES('rows/read',300.0,1795870552620,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('rows/kept',300.0,1795870552634,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('rows/quarantined',0.0,1795870552650,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('rows/train',209.0,1795870552666,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('rows/validation',25.0,1795870552677,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('rows/holdout',66.0,1795870552703,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('rows/spare',0.0,1795870552722,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('rows/augmented',0.0,1795870552734,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/eval_loss',2.82165384849221778651e+00,1795870548518,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/loss',2.95935745239257830263e+00,1795870548333,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/grad_norm',6.561794281005859375e-01,1795870548333,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/learning_rate',2.5e-05,1795870548333,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/rows_per_second',8.37009999395483532663e+02,1795870548333,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/tokens_per_second',3.98322684008536598418e+04,1795870548333,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/padding_share',7.0028932140978605858e-03,1795870548333,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/model_flops_utilization',1.24975060454428112122e-02,1795870548333,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/train_runtime',2.8905,1795870548579,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/train_samples_per_second',664.246,1795870548579,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/train_steps_per_second',41.515,1795870548579,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/total_flos',7049161728.0,1795870548579,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('train/train_loss',3.58718582789103201946e+00,1795870548579,120,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('holdout/loss',2.85861055702959054869e+00,1795870552761,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('holdout/perplexity',1.74372819881124634382e+01,1795870552799,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.099144,1795870552827,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',1.43696949999139178544e+00,1795870552858,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',1.71594989915320184081e+00,1795870552925,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('cost/throughput',5.80068273943031817918e+03,1795870552970,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('full/loss',2.85861055702959054869e+00,1795870553007,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('full/perplexity',1.74372819881124634382e+01,1795870553018,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('full/distinct_1',8.5294117647058820264e-01,1795870553032,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('full/distinct_2',1.0,1795870553050,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('baseline/loss',3.92436301781089502682e+00,1795870553067,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('baseline/perplexity',5.06208232242599862624e+01,1795870553076,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('speed/rows_per_second',8.22059164736951402101e+02,1795870553095,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('speed/tokens_per_second',3.91235939042543832341e+04,1795870553118,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('speed/padding_share',0.00694444444444442,1795870553130,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('speed/model_flops_utilization',1.22751746100830342461e-02,1795870553166,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('speed/halvings',0.0,1795870553186,0,0,'01226e5c8c024c51bf16add0666267e3');
INSERT INTO "latest_metrics" VALUES('holdout/loss',2.85861055702959054869e+00,1795870553366,0,0,'bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "latest_metrics" VALUES('holdout/perplexity',1.74372819881124634382e+01,1795870553381,0,0,'bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "latest_metrics" VALUES('cost/size_mb',0.099144,1795870553398,0,0,'bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p50',1.43696949999139178544e+00,1795870553426,0,0,'bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "latest_metrics" VALUES('cost/latency_ms_p95',1.71594989915320184081e+00,1795870553443,0,0,'bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "latest_metrics" VALUES('cost/throughput',5.80068273943031817918e+03,1795870553453,0,0,'bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "latest_metrics" VALUES('validation/loss',2.82149691043660810763e+00,1795870553459,0,0,'bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "latest_metrics" VALUES('validation/perplexity',1.68019829206740745064e+01,1795870553467,0,0,'bf1ac764de3f412e81b88c6d7e33f956');
CREATE TABLE logged_model_metrics (
	model_id VARCHAR(36) NOT NULL, 
	metric_name VARCHAR(500) NOT NULL, 
	metric_timestamp_ms BIGINT NOT NULL, 
	metric_step BIGINT NOT NULL, 
	metric_value FLOAT, 
	experiment_id INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	dataset_uuid VARCHAR(36), 
	dataset_name VARCHAR(500), 
	dataset_digest VARCHAR(36), 
	CONSTRAINT logged_model_metrics_pk PRIMARY KEY (model_id, metric_name, metric_timestamp_ms, metric_step, run_id), 
	CONSTRAINT fk_logged_model_metrics_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_metrics_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE, 
	CONSTRAINT fk_logged_model_metrics_run_id FOREIGN KEY(run_id) REFERENCES runs (run_uuid) ON DELETE CASCADE
);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','rows/read',1795870209126,0,400.0,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','rows/kept',1795870209152,0,400.0,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','rows/quarantined',1795870209176,0,0.0,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','rows/train',1795870209225,0,288.0,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','rows/validation',1795870209245,0,31.0,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','rows/holdout',1795870209275,0,81.0,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','rows/spare',1795870209296,0,0.0,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','rows/augmented',1795870209314,0,0.0,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','holdout/accuracy',1795870226206,0,7.65432098765432056275e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','holdout/macro_precision',1795870226253,0,7.6689189189189188589e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','holdout/macro_recall',1795870226287,0,7.64939024390243860196e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','holdout/macro_f1',1795870226321,0,7.64858670741023649597e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','holdout/weighted_precision',1795870226346,0,7.66683350016683418104e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','holdout/weighted_recall',1795870226365,0,7.65432098765432056275e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','holdout/weighted_f1',1795870226389,0,7.65002027747125890044e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','holdout/ece',1795870226417,0,1.13608189381710744658e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','cost/size_mb',1795870226432,0,0.097568,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','cost/latency_ms_p50',1795870226451,0,5.95298000916955061256e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','cost/latency_ms_p95',1795870226472,0,7.28507000530953519046e-01,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-e12ead52017c44eab43b760c8318adaf','cost/throughput',1795870226491,0,1.22061979475045845897e+04,1,'c51b4cfb2e444dc7a9cf040160d14411',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','rows/read',1795870274266,0,900.0,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','rows/kept',1795870274279,0,900.0,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','rows/quarantined',1795870274305,0,0.0,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','rows/train',1795870274326,0,653.0,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','rows/validation',1795870274345,0,66.0,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','rows/holdout',1795870274371,0,181.0,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','rows/spare',1795870274395,0,0.0,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','rows/augmented',1795870274409,0,0.0,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','holdout/accuracy',1795870299742,0,9.72375690607734766146e-01,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','holdout/macro_precision',1795870299805,0,9.7191011235955060421e-01,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','holdout/macro_recall',1795870299876,0,9.74226804123711320748e-01,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','holdout/macro_f1',1795870299935,0,9.72321619720463603542e-01,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','holdout/weighted_precision',1795870299977,0,9.73927618101682157636e-01,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','holdout/weighted_recall',1795870300027,0,9.72375690607734766146e-01,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','holdout/weighted_f1',1795870300059,0,9.72409484912279187263e-01,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','holdout/ece',1795870300137,0,1.21208416140068699073e-02,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','cost/size_mb',1795870300199,0,0.097568,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','cost/latency_ms_p50',1795870300255,0,2.30832999932317761704e+00,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','cost/latency_ms_p95',1795870300318,0,5.20790614937140894369e+00,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-9973b136c8974637b84b6d29070ca9fe','cost/throughput',1795870300403,0,5.1799156412579777679e+03,1,'76c7598727974014814ff52903ac8b11',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','rows/read',1795870399209,0,900.0,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','rows/kept',1795870399250,0,900.0,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','rows/quarantined',1795870399274,0,0.0,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','rows/train',1795870399310,0,653.0,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','rows/validation',1795870399336,0,66.0,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','rows/holdout',1795870399363,0,181.0,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','rows/spare',1795870399394,0,0.0,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','rows/augmented',1795870399421,0,0.0,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','holdout/accuracy',1795870451522,0,9.72375690607734766146e-01,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','holdout/macro_precision',1795870451594,0,9.7191011235955060421e-01,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','holdout/macro_recall',1795870451651,0,9.74226804123711320748e-01,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','holdout/macro_f1',1795870451714,0,9.72321619720463603542e-01,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','holdout/weighted_precision',1795870451778,0,9.73927618101682157636e-01,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','holdout/weighted_recall',1795870451846,0,9.72375690607734766146e-01,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','holdout/weighted_f1',1795870451898,0,9.72409484912279187263e-01,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','holdout/ece',1795870451962,0,1.07357145612260642536e-02,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','cost/size_mb',1795870451987,0,0.050166,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','cost/latency_ms_p50',1795870452017,0,5.6814999879861716181e-02,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','cost/latency_ms_p95',1795870452057,0,1.02612650607625255361e-01,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-534f4b3e066f4f7985b953b42187e4aa','cost/throughput',1795870452079,0,1.76680566513780613609e+04,1,'5986443a9a7341be8b1f90e4ae931a09',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','rows/read',1795870544600,0,300.0,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','rows/kept',1795870544649,0,300.0,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','rows/quarantined',1795870544670,0,0.0,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','rows/train',1795870544706,0,209.0,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','rows/validation',1795870544730,0,25.0,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','rows/holdout',1795870544754,0,66.0,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','rows/spare',1795870544770,0,0.0,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','rows/augmented',1795870544804,0,0.0,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','holdout/loss',1795870552761,0,2.85861055702959054869e+00,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','holdout/perplexity',1795870552799,0,1.74372819881124634382e+01,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','cost/size_mb',1795870552827,0,0.099144,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','cost/latency_ms_p50',1795870552858,0,1.43696949999139178544e+00,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','cost/latency_ms_p95',1795870552925,0,1.71594989915320184081e+00,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-666109eddde54e35aa1b32aac26d2e97','cost/throughput',1795870552970,0,5.80068273943031817918e+03,2,'01226e5c8c024c51bf16add0666267e3',NULL,NULL,NULL);
CREATE TABLE logged_model_params (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	param_key VARCHAR(255) NOT NULL, 
	param_value TEXT NOT NULL, 
	CONSTRAINT logged_model_params_pk PRIMARY KEY (model_id, param_key), 
	CONSTRAINT fk_logged_model_params_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_params_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'model','tone');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'kind','classification');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.path','weak.csv');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.header','True');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.text','message');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.text_pair','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.label','label');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.label_separator','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.group','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.timestamp','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.encoding','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.delimiter','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.quoting','auto');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.paragraphs','False');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.unlabelled','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'data.exclude','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'objectives','{}');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'split.by','identity');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'split.holdout','0.2');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'split.validation','0.1');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'split.spare','0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.min_rows','50');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.labels','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.readable.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.readable.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.text_present.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.text_present.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.label_present.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.label_present.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.known_labels.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.known_labels.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.numeric_labels.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.numeric_labels.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.one_label_a_text.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.one_label_a_text.mostly','0.99');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.unique_texts.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.unique_texts.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.usual_length.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.usual_length.mostly','0.99');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'expectations.max_deviations','6.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'augment.method','none');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'augment.unit','auto');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'augment.copies','1');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'augment.probability','0.1');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'augment.swap_probability','0.5');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'augment.permute_probability','0.5');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'augment.pieces','0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'augment.seed','42');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.base_model','scratch:bert');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.scratch.hidden_size','32');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.scratch.num_hidden_layers','1');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.scratch.num_attention_heads','2');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.scratch.intermediate_size','32');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.scratch.max_position_embeddings','64');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.scratch.vocab_size','450');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.max_length','48');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.num_train_epochs','12.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.per_device_train_batch_size','16');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.gradient_accumulation_steps','1');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.learning_rate','0.005');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.warmup_steps','0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.warmup_ratio','0.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.weight_decay','0.01');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.class_weights','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.label_smoothing_factor','0.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.decision_threshold','0.5');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.abstain_accuracy','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.save_steps','200');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.save_total_limit','2');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.load_best_model_at_end','False');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.early_stopping_patience','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.precision','auto');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.seed','42');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.window','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.warm_start','champion');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.torch_compile','auto');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.lora.r','0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.lora.lora_alpha','16');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.lora.lora_dropout','0.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.lora.target_modules','all-linear');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.sampling','proportional');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.sampling_temperature','2.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.compare_single','False');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.launcher','none');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'train.accelerate','{}');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.keep','0.99');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.max_drop','0.02');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.confidence','0.95');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.allow_unconfirmed','True');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.min_speedup','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.max_latency_ms','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.max_size_mb','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.recipes','[]');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.minutes','60.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.teachers','[''full'']');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.layers','0.5');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.strategy','spread');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.hidden_size','0.5');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.pruned_time','0.5');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.temperature','2.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.alpha','0.7');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.relations','0.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.hidden','0.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.cosine','0.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.distil_epochs','4.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.recovery_epochs','2.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.learning_rate','0.0001');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.float_weights','0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.static_epochs','5.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'compress.static_learning_rate','0.002');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.slices','[]');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.slice_margin','0.02');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.label_changes','hold');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.max_latency_ms','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.max_size_mb','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.max_noise_drop','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.metric','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.first','dummy');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.margin','0.005');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.confidence','0.95');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.tests_per_year','40');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.seeds','1');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.minimum','{}');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'gate.approval','auto');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'generation.max_new_tokens','64');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'generation.temperature','0.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'generation.top_p','1.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'generation.top_k','0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'generation.repetition_penalty','1.0');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'generation.stop_strings','[]');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'deadline','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'max_age','None');
INSERT INTO "logged_model_params" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'base_dir','/tmp/registry-0.1');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'model','tone');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'kind','classification');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.path','rows.csv');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.header','True');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.text','message');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.text_pair','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.label','label');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.label_separator','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.group','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.timestamp','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.encoding','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.delimiter','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.quoting','auto');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.paragraphs','False');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.unlabelled','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'data.exclude','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'objectives','{}');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'split.by','identity');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'split.holdout','0.2');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'split.validation','0.1');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'split.spare','0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.min_rows','50');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.labels','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.readable.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.readable.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.text_present.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.text_present.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.label_present.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.label_present.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.known_labels.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.known_labels.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.numeric_labels.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.numeric_labels.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.one_label_a_text.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.one_label_a_text.mostly','0.99');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.unique_texts.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.unique_texts.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.usual_length.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.usual_length.mostly','0.99');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'expectations.max_deviations','6.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'augment.method','none');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'augment.unit','auto');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'augment.copies','1');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'augment.probability','0.1');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'augment.swap_probability','0.5');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'augment.permute_probability','0.5');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'augment.pieces','0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'augment.seed','42');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.base_model','scratch:bert');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.scratch.hidden_size','32');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.scratch.num_hidden_layers','1');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.scratch.num_attention_heads','2');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.scratch.intermediate_size','32');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.scratch.max_position_embeddings','64');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.scratch.vocab_size','450');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.max_length','48');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.num_train_epochs','12.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.per_device_train_batch_size','16');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.gradient_accumulation_steps','1');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.learning_rate','0.005');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.warmup_steps','0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.warmup_ratio','0.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.weight_decay','0.01');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.class_weights','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.label_smoothing_factor','0.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.decision_threshold','0.5');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.abstain_accuracy','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.save_steps','200');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.save_total_limit','2');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.load_best_model_at_end','False');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.early_stopping_patience','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.precision','auto');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.seed','42');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.window','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.warm_start','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.torch_compile','auto');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.lora.r','0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.lora.lora_alpha','16');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.lora.lora_dropout','0.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.lora.target_modules','all-linear');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.sampling','proportional');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.sampling_temperature','2.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.compare_single','False');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.launcher','none');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'train.accelerate','{}');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.keep','0.99');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.max_drop','0.02');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.confidence','0.95');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.allow_unconfirmed','True');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.min_speedup','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.max_latency_ms','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.max_size_mb','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.recipes','[]');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.minutes','60.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.teachers','[''full'']');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.layers','0.5');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.strategy','spread');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.hidden_size','0.5');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.pruned_time','0.5');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.temperature','2.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.alpha','0.7');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.relations','0.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.hidden','0.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.cosine','0.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.distil_epochs','4.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.recovery_epochs','2.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.learning_rate','0.0001');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.float_weights','0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.static_epochs','5.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'compress.static_learning_rate','0.002');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.slices','[]');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.slice_margin','0.02');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.label_changes','hold');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.max_latency_ms','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.max_size_mb','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.max_noise_drop','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.metric','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.first','dummy');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.margin','0.005');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.confidence','0.95');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.tests_per_year','40');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.seeds','1');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.minimum','{}');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'gate.approval','auto');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'generation.max_new_tokens','64');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'generation.temperature','0.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'generation.top_p','1.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'generation.top_k','0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'generation.repetition_penalty','1.0');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'generation.stop_strings','[]');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'deadline','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'max_age','None');
INSERT INTO "logged_model_params" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'base_dir','/tmp/registry-0.1');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'model','tone');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'kind','classification');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.path','rows.csv');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.header','True');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.text','message');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.text_pair','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.label','label');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.label_separator','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.group','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.timestamp','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.encoding','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.delimiter','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.quoting','auto');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.paragraphs','False');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.unlabelled','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'data.exclude','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'objectives','{}');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'split.by','identity');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'split.holdout','0.2');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'split.validation','0.1');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'split.spare','0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.min_rows','50');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.labels','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.readable.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.readable.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.text_present.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.text_present.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.label_present.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.label_present.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.known_labels.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.known_labels.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.numeric_labels.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.numeric_labels.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.one_label_a_text.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.one_label_a_text.mostly','0.99');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.unique_texts.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.unique_texts.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.usual_length.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.usual_length.mostly','0.99');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'expectations.max_deviations','6.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'augment.method','none');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'augment.unit','auto');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'augment.copies','1');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'augment.probability','0.1');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'augment.swap_probability','0.5');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'augment.permute_probability','0.5');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'augment.pieces','0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'augment.seed','42');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.base_model','scratch:bert');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.scratch.hidden_size','32');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.scratch.num_hidden_layers','1');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.scratch.num_attention_heads','2');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.scratch.intermediate_size','32');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.scratch.max_position_embeddings','64');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.scratch.vocab_size','450');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.max_length','48');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.num_train_epochs','12.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.per_device_train_batch_size','16');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.gradient_accumulation_steps','1');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.learning_rate','0.005');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.warmup_steps','0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.warmup_ratio','0.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.weight_decay','0.01');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.class_weights','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.label_smoothing_factor','0.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.decision_threshold','0.5');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.abstain_accuracy','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.save_steps','200');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.save_total_limit','2');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.load_best_model_at_end','False');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.early_stopping_patience','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.precision','auto');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.seed','7');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.window','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.warm_start','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.torch_compile','auto');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.lora.r','0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.lora.lora_alpha','16');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.lora.lora_dropout','0.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.lora.target_modules','all-linear');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.sampling','proportional');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.sampling_temperature','2.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.compare_single','False');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.launcher','none');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'train.accelerate','{}');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.keep','0.99');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.max_drop','0.02');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.confidence','0.95');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.allow_unconfirmed','True');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.min_speedup','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.max_latency_ms','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.max_size_mb','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.recipes','[''quantize'']');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.minutes','60.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.teachers','[''full'']');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.layers','0.5');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.strategy','spread');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.hidden_size','0.5');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.pruned_time','0.5');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.temperature','2.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.alpha','0.7');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.relations','0.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.hidden','0.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.cosine','0.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.distil_epochs','4.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.recovery_epochs','2.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.learning_rate','0.0001');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.float_weights','0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.static_epochs','5.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'compress.static_learning_rate','0.002');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.slices','[]');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.slice_margin','0.02');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.label_changes','hold');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.max_latency_ms','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.max_size_mb','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.max_noise_drop','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.metric','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.first','dummy');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.margin','0.005');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.confidence','0.95');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.tests_per_year','40');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.seeds','1');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.minimum','{}');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'gate.approval','manual');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'generation.max_new_tokens','64');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'generation.temperature','0.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'generation.top_p','1.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'generation.top_k','0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'generation.repetition_penalty','1.0');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'generation.stop_strings','[]');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'deadline','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'max_age','None');
INSERT INTO "logged_model_params" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'base_dir','/tmp/registry-0.1');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'model','story');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'kind','generation');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.path','book.txt');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.header','True');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.text','text');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.text_pair','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.label','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.label_separator','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.group','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.timestamp','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.encoding','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.delimiter','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.quoting','auto');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.paragraphs','True');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.unlabelled','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'data.exclude','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'objectives','{}');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'split.by','identity');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'split.holdout','0.2');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'split.validation','0.1');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'split.spare','0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.min_rows','50');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.labels','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.readable.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.readable.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.text_present.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.text_present.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.label_present.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.label_present.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.known_labels.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.known_labels.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.numeric_labels.severity','critical');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.numeric_labels.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.one_label_a_text.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.one_label_a_text.mostly','0.99');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.unique_texts.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.unique_texts.mostly','0.95');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.usual_length.severity','warning');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.usual_length.mostly','0.99');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'expectations.max_deviations','6.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'augment.method','none');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'augment.unit','auto');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'augment.copies','1');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'augment.probability','0.1');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'augment.swap_probability','0.5');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'augment.permute_probability','0.5');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'augment.pieces','0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'augment.seed','42');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.base_model','scratch:gpt2');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.scratch.n_embd','32');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.scratch.n_layer','1');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.scratch.n_head','2');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.scratch.n_positions','64');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.scratch.vocab_size','300');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.max_length','48');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.num_train_epochs','8.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.per_device_train_batch_size','16');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.gradient_accumulation_steps','1');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.learning_rate','0.003');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.warmup_steps','0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.warmup_ratio','0.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.weight_decay','0.01');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.class_weights','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.label_smoothing_factor','0.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.decision_threshold','0.5');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.abstain_accuracy','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.save_steps','200');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.save_total_limit','2');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.load_best_model_at_end','False');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.early_stopping_patience','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.precision','auto');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.seed','42');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.window','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.warm_start','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.torch_compile','auto');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.lora.r','0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.lora.lora_alpha','16');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.lora.lora_dropout','0.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.lora.target_modules','all-linear');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.sampling','proportional');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.sampling_temperature','2.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.compare_single','False');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.launcher','none');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'train.accelerate','{}');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.keep','0.99');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.max_drop','0.02');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.confidence','0.95');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.allow_unconfirmed','True');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.min_speedup','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.max_latency_ms','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.max_size_mb','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.recipes','[]');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.minutes','60.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.teachers','[''full'']');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.layers','0.5');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.strategy','spread');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.hidden_size','0.5');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.pruned_time','0.5');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.temperature','2.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.alpha','0.7');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.relations','0.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.hidden','0.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.cosine','0.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.distil_epochs','4.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.recovery_epochs','2.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.learning_rate','0.0001');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.float_weights','0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.static_epochs','5.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'compress.static_learning_rate','0.002');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.slices','[]');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.slice_margin','0.02');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.label_changes','hold');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.max_latency_ms','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.max_size_mb','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.max_noise_drop','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.metric','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.first','dummy');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.margin','0.005');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.confidence','0.95');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.tests_per_year','40');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.seeds','1');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.minimum','{}');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'gate.approval','auto');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'generation.max_new_tokens','12');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'generation.temperature','0.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'generation.top_p','1.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'generation.top_k','0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'generation.repetition_penalty','1.0');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'generation.stop_strings','[]');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'deadline','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'max_age','None');
INSERT INTO "logged_model_params" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'base_dir','/tmp/registry-0.1');
CREATE TABLE logged_model_tags (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	tag_key VARCHAR(255) NOT NULL, 
	tag_value TEXT NOT NULL, 
	CONSTRAINT logged_model_tags_pk PRIMARY KEY (model_id, tag_key), 
	CONSTRAINT fk_logged_model_tags_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_tags_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
INSERT INTO "logged_model_tags" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'mlflow.user','ada');
INSERT INTO "logged_model_tags" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'mlflow.source.name','/tmp/registry-0.1/nightshift/flows/cli.py');
INSERT INTO "logged_model_tags" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'mlflow.source.git.commit','ede62289babd4c9000194d2e4c8221e73c6036be');
INSERT INTO "logged_model_tags" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'mlflow.user','ada');
INSERT INTO "logged_model_tags" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'mlflow.source.name','/tmp/registry-0.1/nightshift/flows/cli.py');
INSERT INTO "logged_model_tags" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'mlflow.source.git.commit','ede62289babd4c9000194d2e4c8221e73c6036be');
INSERT INTO "logged_model_tags" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'mlflow.user','ada');
INSERT INTO "logged_model_tags" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'mlflow.source.name','/tmp/registry-0.1/nightshift/flows/cli.py');
INSERT INTO "logged_model_tags" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'mlflow.source.git.commit','ede62289babd4c9000194d2e4c8221e73c6036be');
INSERT INTO "logged_model_tags" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'mlflow.user','ada');
INSERT INTO "logged_model_tags" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'mlflow.source.name','/tmp/registry-0.1/nightshift/flows/cli.py');
INSERT INTO "logged_model_tags" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'mlflow.source.git.commit','ede62289babd4c9000194d2e4c8221e73c6036be');
CREATE TABLE logged_models (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	artifact_location VARCHAR(1000) NOT NULL, 
	creation_timestamp_ms BIGINT NOT NULL, 
	last_updated_timestamp_ms BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	lifecycle_stage VARCHAR(32), 
	model_type VARCHAR(500), 
	source_run_id VARCHAR(32), 
	status_message VARCHAR(1000), 
	CONSTRAINT logged_models_pk PRIMARY KEY (model_id), 
	CONSTRAINT logged_models_lifecycle_stage_check CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT fk_logged_models_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "logged_models" VALUES('m-e12ead52017c44eab43b760c8318adaf',1,'model','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/models/m-e12ead52017c44eab43b760c8318adaf/artifacts',1795870222355,1795870224075,2,'active',NULL,'c51b4cfb2e444dc7a9cf040160d14411',NULL);
INSERT INTO "logged_models" VALUES('m-9973b136c8974637b84b6d29070ca9fe',1,'model','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/models/m-9973b136c8974637b84b6d29070ca9fe/artifacts',1795870292073,1795870295376,2,'active',NULL,'76c7598727974014814ff52903ac8b11',NULL);
INSERT INTO "logged_models" VALUES('m-534f4b3e066f4f7985b953b42187e4aa',1,'model','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/models/m-534f4b3e066f4f7985b953b42187e4aa/artifacts',1795870446892,1795870448118,2,'active',NULL,'5986443a9a7341be8b1f90e4ae931a09',NULL);
INSERT INTO "logged_models" VALUES('m-666109eddde54e35aa1b32aac26d2e97',2,'model','file:///tmp/registry-0.1/home/mlflow/artifacts/story/models/m-666109eddde54e35aa1b32aac26d2e97/artifacts',1795870550519,1795870551412,2,'active',NULL,'01226e5c8c024c51bf16add0666267e3',NULL);
CREATE TABLE mcp_access_endpoints (
	id VARCHAR(36) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	server_name VARCHAR(256) NOT NULL, 
	server_version VARCHAR(128), 
	server_alias VARCHAR(256), 
	url VARCHAR(2048) NOT NULL, 
	transport_type VARCHAR(32) DEFAULT 'streamable-http' NOT NULL, 
	created_by VARCHAR(256), 
	last_updated_by VARCHAR(256), 
	created_at BIGINT NOT NULL, 
	last_updated_at BIGINT NOT NULL, 
	CONSTRAINT mcp_access_endpoints_pk PRIMARY KEY (id), 
	CONSTRAINT mcp_access_endpoints_server_fkey FOREIGN KEY(workspace, server_name) REFERENCES mcp_servers (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_server_aliases (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	alias VARCHAR(256) NOT NULL, 
	version VARCHAR(128) NOT NULL, 
	CONSTRAINT mcp_server_aliases_pk PRIMARY KEY (workspace, name, alias), 
	CONSTRAINT mcp_server_aliases_server_fkey FOREIGN KEY(workspace, name) REFERENCES mcp_servers (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_server_tags (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	CONSTRAINT mcp_server_tags_pk PRIMARY KEY (workspace, name, "key"), 
	CONSTRAINT mcp_server_tags_server_fkey FOREIGN KEY(workspace, name) REFERENCES mcp_servers (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_server_version_tags (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	version VARCHAR(128) NOT NULL, 
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	CONSTRAINT mcp_server_version_tags_pk PRIMARY KEY (workspace, name, version, "key"), 
	CONSTRAINT mcp_server_version_tags_version_fkey FOREIGN KEY(workspace, name, version) REFERENCES mcp_server_versions (workspace, name, version) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_server_versions (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	version VARCHAR(128) NOT NULL, 
	version_major INTEGER NOT NULL, 
	version_minor INTEGER NOT NULL, 
	version_patch INTEGER NOT NULL, 
	version_prerelease_sort_key VARCHAR(512) NOT NULL, 
	server_json JSON NOT NULL, 
	status VARCHAR(20) DEFAULT 'draft' NOT NULL, 
	tools JSON, 
	source VARCHAR(512), 
	connect_options JSON, 
	created_by VARCHAR(256), 
	last_updated_by VARCHAR(256), 
	created_at BIGINT NOT NULL, 
	last_updated_at BIGINT NOT NULL, 
	CONSTRAINT mcp_server_versions_pk PRIMARY KEY (workspace, name, version), 
	CONSTRAINT mcp_server_versions_server_fkey FOREIGN KEY(workspace, name) REFERENCES mcp_servers (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_servers (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	display_name VARCHAR(256), 
	description TEXT, 
	icons JSON, 
	created_by VARCHAR(256), 
	last_updated_by VARCHAR(256), 
	created_at BIGINT NOT NULL, 
	last_updated_at BIGINT NOT NULL, 
	CONSTRAINT mcp_servers_pk PRIMARY KEY (workspace, name)
);
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "metrics" VALUES('rows/read',400.0,1795870209126,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/kept',400.0,1795870209152,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/quarantined',0.0,1795870209176,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/train',288.0,1795870209225,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/validation',31.0,1795870209245,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/holdout',81.0,1795870209275,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/spare',0.0,1795870209296,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/augmented',0.0,1795870209314,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('train/eval_loss',6.89890584638041870491e-01,1795870210716,'c51b4cfb2e444dc7a9cf040160d14411',18,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',5.4838709677419350541e-01,1795870210716,'c51b4cfb2e444dc7a9cf040160d14411',18,0);
INSERT INTO "metrics" VALUES('train/loss',6.94366073608398415295e-01,1795870210788,'c51b4cfb2e444dc7a9cf040160d14411',20,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.47108548879623413085e-01,1795870210788,'c51b4cfb2e444dc7a9cf040160d14411',20,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.56018518518518534837e-03,1795870210788,'c51b4cfb2e444dc7a9cf040160d14411',20,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',3.16571688572047150946e+03,1795870210788,'c51b4cfb2e444dc7a9cf040160d14411',20,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',3.2365289739536925481e+04,1795870210788,'c51b4cfb2e444dc7a9cf040160d14411',20,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.39593908629441765256e-02,1795870210788,'c51b4cfb2e444dc7a9cf040160d14411',20,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',3.40079201272467518402e-03,1795870210788,'c51b4cfb2e444dc7a9cf040160d14411',20,0);
INSERT INTO "metrics" VALUES('train/eval_loss',5.34626499299080126803e-01,1795870210898,'c51b4cfb2e444dc7a9cf040160d14411',36,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',7.74193548387096752705e-01,1795870210898,'c51b4cfb2e444dc7a9cf040160d14411',36,0);
INSERT INTO "metrics" VALUES('train/loss',5.96927928924560591283e-01,1795870210947,'c51b4cfb2e444dc7a9cf040160d14411',40,0);
INSERT INTO "metrics" VALUES('train/grad_norm',6.12924754619598388671e-01,1795870210947,'c51b4cfb2e444dc7a9cf040160d14411',40,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.09722222222222258458e-03,1795870210947,'c51b4cfb2e444dc7a9cf040160d14411',40,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2406.03214468422,1795870210947,'c51b4cfb2e444dc7a9cf040160d14411',40,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.45230199362045495938e+04,1795870210947,'c51b4cfb2e444dc7a9cf040160d14411',40,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.36476426799007066748e-02,1795870210947,'c51b4cfb2e444dc7a9cf040160d14411',40,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.5759742093206562663e-03,1795870210947,'c51b4cfb2e444dc7a9cf040160d14411',40,0);
INSERT INTO "metrics" VALUES('train/eval_loss',6.17804004300025244589e-01,1795870211057,'c51b4cfb2e444dc7a9cf040160d14411',54,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',7.09677419354838745491e-01,1795870211057,'c51b4cfb2e444dc7a9cf040160d14411',54,0);
INSERT INTO "metrics" VALUES('train/loss',4.63810539245605446545e-01,1795870211106,'c51b4cfb2e444dc7a9cf040160d14411',60,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.42857980728149414062e+00,1795870211106,'c51b4cfb2e444dc7a9cf040160d14411',60,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.63425925925925938711e-03,1795870211106,'c51b4cfb2e444dc7a9cf040160d14411',60,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2350.90977244535,1795870211106,'c51b4cfb2e444dc7a9cf040160d14411',60,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.37755673702709282224e+04,1795870211106,'c51b4cfb2e444dc7a9cf040160d14411',60,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.37396694214876324835e-02,1795870211106,'c51b4cfb2e444dc7a9cf040160d14411',60,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.49569199830446380311e-03,1795870211106,'c51b4cfb2e444dc7a9cf040160d14411',60,0);
INSERT INTO "metrics" VALUES('train/eval_loss',6.27850809404926879508e-01,1795870211195,'c51b4cfb2e444dc7a9cf040160d14411',72,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',7.09677419354838745491e-01,1795870211195,'c51b4cfb2e444dc7a9cf040160d14411',72,0);
INSERT INTO "metrics" VALUES('train/loss',4.75411319732666037829e-01,1795870211254,'c51b4cfb2e444dc7a9cf040160d14411',80,0);
INSERT INTO "metrics" VALUES('train/grad_norm',5.56538701057434082031e-01,1795870211254,'c51b4cfb2e444dc7a9cf040160d14411',80,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.17129629629629662332e-03,1795870211254,'c51b4cfb2e444dc7a9cf040160d14411',80,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.391333578577967728e+03,1795870211254,'c51b4cfb2e444dc7a9cf040160d14411',80,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.40646860122719517685e+04,1795870211254,'c51b4cfb2e444dc7a9cf040160d14411',80,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.48698884758364791025e-02,1795870211254,'c51b4cfb2e444dc7a9cf040160d14411',80,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.52547980189786643034e-03,1795870211254,'c51b4cfb2e444dc7a9cf040160d14411',80,0);
INSERT INTO "metrics" VALUES('train/eval_loss',0.827058361422631,1795870211335,'c51b4cfb2e444dc7a9cf040160d14411',90,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',6.12903225806451623647e-01,1795870211335,'c51b4cfb2e444dc7a9cf040160d14411',90,0);
INSERT INTO "metrics" VALUES('train/loss',4.9239835739135739967e-01,1795870211405,'c51b4cfb2e444dc7a9cf040160d14411',100,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.20274448394775390625e+00,1795870211405,'c51b4cfb2e444dc7a9cf040160d14411',100,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.70833333333333299217e-03,1795870211405,'c51b4cfb2e444dc7a9cf040160d14411',100,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2430.1015426404,1795870211405,'c51b4cfb2e444dc7a9cf040160d14411',100,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.44805115630763029917e+04,1795870211405,'c51b4cfb2e444dc7a9cf040160d14411',100,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.45133399209486091407e-02,1795870211405,'c51b4cfb2e444dc7a9cf040160d14411',100,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.56883391318522098442e-03,1795870211405,'c51b4cfb2e444dc7a9cf040160d14411',100,0);
INSERT INTO "metrics" VALUES('train/eval_loss',6.15053976735761120941e-01,1795870211462,'c51b4cfb2e444dc7a9cf040160d14411',108,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',7.09677419354838745491e-01,1795870211462,'c51b4cfb2e444dc7a9cf040160d14411',108,0);
INSERT INTO "metrics" VALUES('train/loss',4.65913581848144520147e-01,1795870211540,'c51b4cfb2e444dc7a9cf040160d14411',120,0);
INSERT INTO "metrics" VALUES('train/grad_norm',6.33917689323425292968e-01,1795870211540,'c51b4cfb2e444dc7a9cf040160d14411',120,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.24537037037037022838e-03,1795870211540,'c51b4cfb2e444dc7a9cf040160d14411',120,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.49985921882963702954e+03,1795870211540,'c51b4cfb2e444dc7a9cf040160d14411',120,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.5136452071687712304e+04,1795870211540,'c51b4cfb2e444dc7a9cf040160d14411',120,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.51748971193416126723e-02,1795870211540,'c51b4cfb2e444dc7a9cf040160d14411',120,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.6379789444049756876e-03,1795870211540,'c51b4cfb2e444dc7a9cf040160d14411',120,0);
INSERT INTO "metrics" VALUES('train/eval_loss',6.72740813224546374549e-01,1795870211593,'c51b4cfb2e444dc7a9cf040160d14411',126,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',6.77419354838709630861e-01,1795870211593,'c51b4cfb2e444dc7a9cf040160d14411',126,0);
INSERT INTO "metrics" VALUES('train/loss',4.26942205429077126233e-01,1795870211685,'c51b4cfb2e444dc7a9cf040160d14411',140,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.83619284629821777343e+00,1795870211685,'c51b4cfb2e444dc7a9cf040160d14411',140,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.78240740740740724774e-03,1795870211685,'c51b4cfb2e444dc7a9cf040160d14411',140,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.54333736225213033325e+03,1795870211685,'c51b4cfb2e444dc7a9cf040160d14411',140,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.57192703583859765795e+04,1795870211685,'c51b4cfb2e444dc7a9cf040160d14411',140,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.49789768745620666123e-02,1795870211685,'c51b4cfb2e444dc7a9cf040160d14411',140,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.69994884567170516376e-03,1795870211685,'c51b4cfb2e444dc7a9cf040160d14411',140,0);
INSERT INTO "metrics" VALUES('train/eval_loss',7.50021165417086743687e-01,1795870211724,'c51b4cfb2e444dc7a9cf040160d14411',144,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',6.45161290322580627254e-01,1795870211724,'c51b4cfb2e444dc7a9cf040160d14411',144,0);
INSERT INTO "metrics" VALUES('train/loss',4.37808656692504905016e-01,1795870211839,'c51b4cfb2e444dc7a9cf040160d14411',160,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.39497423171997070312e+00,1795870211839,'c51b4cfb2e444dc7a9cf040160d14411',160,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.31944444444444448395e-03,1795870211839,'c51b4cfb2e444dc7a9cf040160d14411',160,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.53347791900034417268e+03,1795870211839,'c51b4cfb2e444dc7a9cf040160d14411',160,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',25536.9395742633,1795870211839,'c51b4cfb2e444dc7a9cf040160d14411',160,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.43373308733086846089e-02,1795870211839,'c51b4cfb2e444dc7a9cf040160d14411',160,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.68017884824819354813e-03,1795870211839,'c51b4cfb2e444dc7a9cf040160d14411',160,0);
INSERT INTO "metrics" VALUES('train/eval_loss',0.650146484375,1795870211872,'c51b4cfb2e444dc7a9cf040160d14411',162,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',7.09677419354838745491e-01,1795870211872,'c51b4cfb2e444dc7a9cf040160d14411',162,0);
INSERT INTO "metrics" VALUES('train/loss',4.27358150482177734375e-01,1795870211966,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/grad_norm',6.90696895122528076171e-01,1795870211966,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/learning_rate',8.56481481481481503326e-04,1795870211966,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.5804676233890772891e+03,1795870211966,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.60281245476479271023e+04,1795870211966,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.50027277686851645555e-02,1795870211966,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.73183668136589867178e-03,1795870211966,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/eval_loss',6.79864575785975255861e-01,1795870211994,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',6.77419354838709630861e-01,1795870211994,'c51b4cfb2e444dc7a9cf040160d14411',180,0);
INSERT INTO "metrics" VALUES('train/eval_loss',7.18375175229964746392e-01,1795870212107,'c51b4cfb2e444dc7a9cf040160d14411',198,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',6.77419354838709630861e-01,1795870212107,'c51b4cfb2e444dc7a9cf040160d14411',198,0);
INSERT INTO "metrics" VALUES('train/loss',3.79501676559448219983e-01,1795870212144,'c51b4cfb2e444dc7a9cf040160d14411',200,0);
INSERT INTO "metrics" VALUES('train/grad_norm',4.91715312004089355468e-01,1795870212144,'c51b4cfb2e444dc7a9cf040160d14411',200,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.93518518518518522694e-04,1795870212144,'c51b4cfb2e444dc7a9cf040160d14411',200,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.58691203854928608043e+03,1795870212144,'c51b4cfb2e444dc7a9cf040160d14411',200,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.60868629817024120717e+04,1795870212144,'c51b4cfb2e444dc7a9cf040160d14411',200,0);
INSERT INTO "metrics" VALUES('train/padding_share',1.48502700049091274081e-02,1795870212144,'c51b4cfb2e444dc7a9cf040160d14411',200,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.73803477566528707595e-03,1795870212144,'c51b4cfb2e444dc7a9cf040160d14411',200,0);
INSERT INTO "metrics" VALUES('train/eval_loss',7.27210690898279943361e-01,1795870212437,'c51b4cfb2e444dc7a9cf040160d14411',216,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',6.77419354838709630861e-01,1795870212437,'c51b4cfb2e444dc7a9cf040160d14411',216,0);
INSERT INTO "metrics" VALUES('train/train_runtime',1.8678,1795870212470,'c51b4cfb2e444dc7a9cf040160d14411',216,0);
INSERT INTO "metrics" VALUES('train/train_samples_per_second',1850.318,1795870212470,'c51b4cfb2e444dc7a9cf040160d14411',216,0);
INSERT INTO "metrics" VALUES('train/train_steps_per_second',115.645,1795870212470,'c51b4cfb2e444dc7a9cf040160d14411',216,0);
INSERT INTO "metrics" VALUES('train/total_flos',1621555200.0,1795870212470,'c51b4cfb2e444dc7a9cf040160d14411',216,0);
INSERT INTO "metrics" VALUES('train/train_loss',4.79906417705394605643e-01,1795870212470,'c51b4cfb2e444dc7a9cf040160d14411',216,0);
INSERT INTO "metrics" VALUES('rows/read',400.0,1795870225948,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/kept',400.0,1795870225970,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/quarantined',0.0,1795870225997,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/train',288.0,1795870226025,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/validation',31.0,1795870226060,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/holdout',81.0,1795870226094,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/spare',0.0,1795870226130,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('rows/augmented',0.0,1795870226143,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/accuracy',7.65432098765432056275e-01,1795870226206,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_precision',7.6689189189189188589e-01,1795870226253,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_recall',7.64939024390243860196e-01,1795870226287,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_f1',7.64858670741023649597e-01,1795870226321,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_precision',7.66683350016683418104e-01,1795870226346,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_recall',7.65432098765432056275e-01,1795870226365,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_f1',7.65002027747125890044e-01,1795870226389,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/ece',1.13608189381710744658e-01,1795870226417,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.097568,1795870226432,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',5.95298000916955061256e-01,1795870226451,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',7.28507000530953519046e-01,1795870226472,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',1.22061979475045845897e+04,1795870226491,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('full/accuracy',7.65432098765432056275e-01,1795870226527,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('full/macro_precision',7.6689189189189188589e-01,1795870226541,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('full/macro_recall',7.64939024390243860196e-01,1795870226558,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('full/macro_f1',7.64858670741023649597e-01,1795870226566,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('full/weighted_precision',7.66683350016683418104e-01,1795870226574,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('full/weighted_recall',7.65432098765432056275e-01,1795870226586,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('full/weighted_f1',7.65002027747125890044e-01,1795870226601,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('full/ece',1.13608189599746611797e-01,1795870226612,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('baseline/accuracy',7.90123456790123412929e-01,1795870226619,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_precision',7.90243902439024425987e-01,1795870226642,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_recall',7.90243902439024425987e-01,1795870226662,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_f1',7.90123456790123412929e-01,1795870226682,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_precision',7.90364348087925439045e-01,1795870226691,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_recall',7.90123456790123412929e-01,1795870226710,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_f1',7.90123456790123412929e-01,1795870226715,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('speed/rows_per_second',2.52372043081986976173e+03,1795870226738,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('speed/tokens_per_second',2.54124626714500773225e+04,1795870226765,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('speed/padding_share',1.49456521739130820947e-02,1795870226790,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('speed/model_flops_utilization',2.66693241367565525914e-03,1795870226825,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('speed/halvings',0.0,1795870226858,'c51b4cfb2e444dc7a9cf040160d14411',0,0);
INSERT INTO "metrics" VALUES('holdout/accuracy',7.65432098765432056275e-01,1795870227095,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_precision',7.6689189189189188589e-01,1795870227118,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_recall',7.64939024390243860196e-01,1795870227150,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_f1',7.64858670741023649597e-01,1795870227182,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_precision',7.66683350016683418104e-01,1795870227215,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_recall',7.65432098765432056275e-01,1795870227246,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_f1',7.65002027747125890044e-01,1795870227269,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('holdout/ece',1.13608189599746611797e-01,1795870227306,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.097568,1795870227327,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',5.95298000916955061256e-01,1795870227362,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',7.28507000530953519046e-01,1795870227398,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',1.22061979475045845897e+04,1795870227429,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('validation/accuracy',6.77419354838709630861e-01,1795870227454,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('validation/macro_precision',6.90170940170940161451e-01,1795870227478,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('validation/macro_recall',6.8697478991596638842e-01,1795870227506,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('validation/macro_f1',6.77083333333333259318e-01,1795870227522,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_precision',6.97821891370278613031e-01,1795870227554,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_recall',6.77419354838709630861e-01,1795870227602,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_f1',6.76075268817204255711e-01,1795870227634,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('validation/ece',1.88025489612264840033e-01,1795870227662,'89fdfeccba9049418574584ddc9dd03d',0,0);
INSERT INTO "metrics" VALUES('rows/read',900.0,1795870274266,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/kept',900.0,1795870274279,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/quarantined',0.0,1795870274305,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/train',653.0,1795870274326,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/validation',66.0,1795870274345,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/holdout',181.0,1795870274371,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/spare',0.0,1795870274395,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/augmented',0.0,1795870274409,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('train/loss',6.97631072998046830591e-01,1795870275493,'76c7598727974014814ff52903ac8b11',20,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.30062216520309448242e-01,1795870275493,'76c7598727974014814ff52903ac8b11',20,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.80691056910569156773e-03,1795870275493,'76c7598727974014814ff52903ac8b11',20,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',3.64156488874700744423e+03,1795870275493,'76c7598727974014814ff52903ac8b11',20,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',3.62838817368904128666e+04,1795870275493,'76c7598727974014814ff52903ac8b11',20,0);
INSERT INTO "metrics" VALUES('train/padding_share',8.83507853403142640047e-03,1795870275493,'76c7598727974014814ff52903ac8b11',20,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',3.63785400832712180543e-03,1795870275493,'76c7598727974014814ff52903ac8b11',20,0);
INSERT INTO "metrics" VALUES('train/loss',5.76759004592895530016e-01,1795870275600,'76c7598727974014814ff52903ac8b11',40,0);
INSERT INTO "metrics" VALUES('train/grad_norm',9.07242894172668457031e-01,1795870275600,'76c7598727974014814ff52903ac8b11',40,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.60365853658536647308e-03,1795870275600,'76c7598727974014814ff52903ac8b11',40,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.799144531154753622e+03,1795870275600,'76c7598727974014814ff52903ac8b11',40,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.80542466311567768562e+04,1795870275600,'76c7598727974014814ff52903ac8b11',40,0);
INSERT INTO "metrics" VALUES('train/padding_share',0.00793147208121825,1795870275600,'76c7598727974014814ff52903ac8b11',40,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.81412114485263525204e-03,1795870275600,'76c7598727974014814ff52903ac8b11',40,0);
INSERT INTO "metrics" VALUES('train/eval_loss',9.19390961979374699009e-02,1795870275643,'76c7598727974014814ff52903ac8b11',41,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870275643,'76c7598727974014814ff52903ac8b11',41,0);
INSERT INTO "metrics" VALUES('train/loss',1.18719220161437988281e-01,1795870275743,'76c7598727974014814ff52903ac8b11',60,0);
INSERT INTO "metrics" VALUES('train/grad_norm',4.50928360223770141601e-01,1795870275743,'76c7598727974014814ff52903ac8b11',60,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.40040650406504137842e-03,1795870275743,'76c7598727974014814ff52903ac8b11',60,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.82579446487565746799e+03,1795870275743,'76c7598727974014814ff52903ac8b11',60,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.80454113786229172538e+04,1795870275743,'76c7598727974014814ff52903ac8b11',60,0);
INSERT INTO "metrics" VALUES('train/padding_share',9.20050761421320473232e-03,1795870275743,'76c7598727974014814ff52903ac8b11',60,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.81146337315953294411e-03,1795870275743,'76c7598727974014814ff52903ac8b11',60,0);
INSERT INTO "metrics" VALUES('train/loss',8.20053696632385281661e-02,1795870276281,'76c7598727974014814ff52903ac8b11',80,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.05587810277938842773e-01,1795870276281,'76c7598727974014814ff52903ac8b11',80,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.1971544715447154164e-03,1795870276281,'76c7598727974014814ff52903ac8b11',80,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.45264286515583967225e+03,1795870276281,'76c7598727974014814ff52903ac8b11',80,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.45586074492042534989e+04,1795870276281,'76c7598727974014814ff52903ac8b11',80,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.83208020050130127032e-03,1795870276281,'76c7598727974014814ff52903ac8b11',80,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.46044582561726259302e-03,1795870276281,'76c7598727974014814ff52903ac8b11',80,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.03489053294514160574e-02,1795870276333,'76c7598727974014814ff52903ac8b11',82,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870276333,'76c7598727974014814ff52903ac8b11',82,0);
INSERT INTO "metrics" VALUES('train/loss',1.04078590869903564453e-01,1795870276427,'76c7598727974014814ff52903ac8b11',100,0);
INSERT INTO "metrics" VALUES('train/grad_norm',3.5602524876594543457e-01,1795870276427,'76c7598727974014814ff52903ac8b11',100,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.00399390243902439,1795870276427,'76c7598727974014814ff52903ac8b11',100,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.58917521901233408246e+03,1795870276427,'76c7598727974014814ff52903ac8b11',100,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.58536280371419852595e+04,1795870276427,'76c7598727974014814ff52903ac8b11',100,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.41206030150753925056e-03,1795870276427,'76c7598727974014814ff52903ac8b11',100,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.58979260907828132826e-03,1795870276427,'76c7598727974014814ff52903ac8b11',100,0);
INSERT INTO "metrics" VALUES('train/loss',9.85165715217590359786e-02,1795870276532,'76c7598727974014814ff52903ac8b11',120,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.94251492619514465332e-01,1795870276532,'76c7598727974014814ff52903ac8b11',120,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.79065040650406522709e-03,1795870276532,'76c7598727974014814ff52903ac8b11',120,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.72687385766594707087e+03,1795870276532,'76c7598727974014814ff52903ac8b11',120,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.72759943491706726486e+04,1795870276532,'76c7598727974014814ff52903ac8b11',120,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.91666666666668294993e-03,1795870276532,'76c7598727974014814ff52903ac8b11',120,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.73277099611355536908e-03,1795870276532,'76c7598727974014814ff52903ac8b11',120,0);
INSERT INTO "metrics" VALUES('train/eval_loss',2.78286619507002119799e-01,1795870276571,'76c7598727974014814ff52903ac8b11',123,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',9.24242424242424198688e-01,1795870276571,'76c7598727974014814ff52903ac8b11',123,0);
INSERT INTO "metrics" VALUES('train/loss',1.79055047035217296258e-01,1795870276653,'76c7598727974014814ff52903ac8b11',140,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.02022224664688110351e-01,1795870276653,'76c7598727974014814ff52903ac8b11',140,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.00358739837398374,1795870276653,'76c7598727974014814ff52903ac8b11',140,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.84858133163809770851e+03,1795870276653,'76c7598727974014814ff52903ac8b11',140,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.85248795585513871628e+04,1795870276653,'76c7598727974014814ff52903ac8b11',140,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.17213114754100544701e-03,1795870276653,'76c7598727974014814ff52903ac8b11',140,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.85792152243130330446e-03,1795870276653,'76c7598727974014814ff52903ac8b11',140,0);
INSERT INTO "metrics" VALUES('train/loss',9.95616316795349121093e-02,1795870276750,'76c7598727974014814ff52903ac8b11',160,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.08023278415203094482e-01,1795870276750,'76c7598727974014814ff52903ac8b11',160,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.38414634146341503778e-03,1795870276750,'76c7598727974014814ff52903ac8b11',160,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.95763271124849188705e+03,1795870276750,'76c7598727974014814ff52903ac8b11',160,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',19547.8552530839,1795870276750,'76c7598727974014814ff52903ac8b11',160,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.07473420888049542298e-03,1795870276750,'76c7598727974014814ff52903ac8b11',160,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.96018477301516296298e-03,1795870276750,'76c7598727974014814ff52903ac8b11',160,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.68534223780487518729e-02,1795870276799,'76c7598727974014814ff52903ac8b11',164,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870276799,'76c7598727974014814ff52903ac8b11',164,0);
INSERT INTO "metrics" VALUES('train/loss',1.04534578323364255036e-01,1795870276891,'76c7598727974014814ff52903ac8b11',180,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.49488294124603271484e-01,1795870276891,'76c7598727974014814ff52903ac8b11',180,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.00318089430894309,1795870276891,'76c7598727974014814ff52903ac8b11',180,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.03473047342758150079e+03,1795870276891,'76c7598727974014814ff52903ac8b11',180,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.05433890955418792137e+04,1795870276891,'76c7598727974014814ff52903ac8b11',180,0);
INSERT INTO "metrics" VALUES('train/padding_share',8.09549945115262126194e-03,1795870276891,'76c7598727974014814ff52903ac8b11',180,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.06202134444407551155e-03,1795870276891,'76c7598727974014814ff52903ac8b11',180,0);
INSERT INTO "metrics" VALUES('train/loss',7.41774082183837835113e-02,1795870276996,'76c7598727974014814ff52903ac8b11',200,0);
INSERT INTO "metrics" VALUES('train/grad_norm',7.59717607498168945312e+00,1795870276996,'76c7598727974014814ff52903ac8b11',200,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.97764227642276441479e-03,1795870276996,'76c7598727974014814ff52903ac8b11',200,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.10512982928646715657e+03,1795870276996,'76c7598727974014814ff52903ac8b11',200,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.11398935809062531914e+04,1795870276996,'76c7598727974014814ff52903ac8b11',200,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.75819265143995462352e-03,1795870276996,'76c7598727974014814ff52903ac8b11',200,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.12081114747138732221e-03,1795870276996,'76c7598727974014814ff52903ac8b11',200,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.31498020085873031093e-02,1795870277183,'76c7598727974014814ff52903ac8b11',205,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870277183,'76c7598727974014814ff52903ac8b11',205,0);
INSERT INTO "metrics" VALUES('train/loss',1.00504910945892339535e-01,1795870277268,'76c7598727974014814ff52903ac8b11',220,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.12066462635993957519e-01,1795870277268,'76c7598727974014814ff52903ac8b11',220,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.77439024390243932013e-03,1795870277268,'76c7598727974014814ff52903ac8b11',220,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.1592403153661462057e+03,1795870277268,'76c7598727974014814ff52903ac8b11',220,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.16700470691112714112e+04,1795870277268,'76c7598727974014814ff52903ac8b11',220,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.73137697516934618846e-03,1795870277268,'76c7598727974014814ff52903ac8b11',220,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.17387560878953356793e-03,1795870277268,'76c7598727974014814ff52903ac8b11',220,0);
INSERT INTO "metrics" VALUES('train/loss',9.96685147285461398025e-02,1795870277375,'76c7598727974014814ff52903ac8b11',240,0);
INSERT INTO "metrics" VALUES('train/grad_norm',9.35285463929176330566e-02,1795870277375,'76c7598727974014814ff52903ac8b11',240,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.57113821138211422548e-03,1795870277375,'76c7598727974014814ff52903ac8b11',240,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.21080260197208190221e+03,1795870277375,'76c7598727974014814ff52903ac8b11',240,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.21629492015166724744e+04,1795870277375,'76c7598727974014814ff52903ac8b11',240,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.48239436619713149667e-03,1795870277375,'76c7598727974014814ff52903ac8b11',240,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.22308627481118681323e-03,1795870277375,'76c7598727974014814ff52903ac8b11',240,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.94348816505887297956e-02,1795870277432,'76c7598727974014814ff52903ac8b11',246,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870277432,'76c7598727974014814ff52903ac8b11',246,0);
INSERT INTO "metrics" VALUES('train/loss',7.00083971023559570312e-02,1795870277524,'76c7598727974014814ff52903ac8b11',260,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.48417696356773376464e-01,1795870277524,'76c7598727974014814ff52903ac8b11',260,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.36788617886178869714e-03,1795870277524,'76c7598727974014814ff52903ac8b11',260,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.24559151436823776744e+03,1795870277524,'76c7598727974014814ff52903ac8b11',260,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.25160649163886737375e+04,1795870277524,'76c7598727974014814ff52903ac8b11',260,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.66622086358426102492e-03,1795870277524,'76c7598727974014814ff52903ac8b11',260,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.25864988951421071308e-03,1795870277524,'76c7598727974014814ff52903ac8b11',260,0);
INSERT INTO "metrics" VALUES('train/loss',8.65616023540496798416e-02,1795870277629,'76c7598727974014814ff52903ac8b11',280,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.05474330484867095947e-01,1795870277629,'76c7598727974014814ff52903ac8b11',280,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.16463414634146360249e-03,1795870277629,'76c7598727974014814ff52903ac8b11',280,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.28885119669929736128e+03,1795870277629,'76c7598727974014814ff52903ac8b11',280,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.28864610250604455358e+04,1795870277629,'76c7598727974014814ff52903ac8b11',280,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.91251778093882141007e-03,1795870277629,'76c7598727974014814ff52903ac8b11',280,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.29532647531133096943e-03,1795870277629,'76c7598727974014814ff52903ac8b11',280,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.67200537116238556745e-02,1795870277679,'76c7598727974014814ff52903ac8b11',287,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870277679,'76c7598727974014814ff52903ac8b11',287,0);
INSERT INTO "metrics" VALUES('train/loss',0.0865355134010315,1795870277755,'76c7598727974014814ff52903ac8b11',300,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.11172178387641906738e-01,1795870277755,'76c7598727974014814ff52903ac8b11',300,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.96138211382113807415e-03,1795870277755,'76c7598727974014814ff52903ac8b11',300,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.33760578577353635414e+03,1795870277755,'76c7598727974014814ff52903ac8b11',300,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.34527727633303584298e+04,1795870277755,'76c7598727974014814ff52903ac8b11',300,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.67036056897119067343e-03,1795870277755,'76c7598727974014814ff52903ac8b11',300,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.35266455712549588108e-03,1795870277755,'76c7598727974014814ff52903ac8b11',300,0);
INSERT INTO "metrics" VALUES('train/loss',7.46671319007873590667e-02,1795870277848,'76c7598727974014814ff52903ac8b11',320,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.25242888927459716796e-01,1795870277848,'76c7598727974014814ff52903ac8b11',320,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.7581300813008129795e-03,1795870277848,'76c7598727974014814ff52903ac8b11',320,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.38534630393791849205e+03,1795870277848,'76c7598727974014814ff52903ac8b11',320,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.39291734824116974784e+04,1795870277848,'76c7598727974014814ff52903ac8b11',320,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.71317829457363046685e-03,1795870277848,'76c7598727974014814ff52903ac8b11',320,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.40045284062589134657e-03,1795870277848,'76c7598727974014814ff52903ac8b11',320,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.22595015969691849277e-02,1795870277905,'76c7598727974014814ff52903ac8b11',328,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870277905,'76c7598727974014814ff52903ac8b11',328,0);
INSERT INTO "metrics" VALUES('train/loss',1.04713833332061773129e-01,1795870277980,'76c7598727974014814ff52903ac8b11',340,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.80956214666366577148e-01,1795870277980,'76c7598727974014814ff52903ac8b11',340,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.55487804878048788484e-03,1795870277980,'76c7598727974014814ff52903ac8b11',340,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.42047233572686309338e+03,1795870277980,'76c7598727974014814ff52903ac8b11',340,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.42248047096114969465e+04,1795870277980,'76c7598727974014814ff52903ac8b11',340,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.65940333430825681659e-03,1795870277980,'76c7598727974014814ff52903ac8b11',340,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.42967974334803386154e-03,1795870277980,'76c7598727974014814ff52903ac8b11',340,0);
INSERT INTO "metrics" VALUES('train/loss',6.55421912670135498046e-02,1795870278069,'76c7598727974014814ff52903ac8b11',360,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.1482289433479309082e-01,1795870278069,'76c7598727974014814ff52903ac8b11',360,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.35162601626016257334e-03,1795870278069,'76c7598727974014814ff52903ac8b11',360,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.4655485751207611429e+03,1795870278069,'76c7598727974014814ff52903ac8b11',360,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.47233055065817534348e+04,1795870278069,'76c7598727974014814ff52903ac8b11',360,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.47863247863245206303e-03,1795870278069,'76c7598727974014814ff52903ac8b11',360,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.47996590196452280918e-03,1795870278069,'76c7598727974014814ff52903ac8b11',360,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.3987587228643171347e-02,1795870278139,'76c7598727974014814ff52903ac8b11',369,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870278139,'76c7598727974014814ff52903ac8b11',369,0);
INSERT INTO "metrics" VALUES('train/loss',6.47888004779815646072e-02,1795870278221,'76c7598727974014814ff52903ac8b11',380,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.1011561751365661621e-01,1795870278221,'76c7598727974014814ff52903ac8b11',380,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.14837398373983747869e-03,1795870278221,'76c7598727974014814ff52903ac8b11',380,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.47585788182267060625e+03,1795870278221,'76c7598727974014814ff52903ac8b11',380,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.47667445764121366656e+04,1795870278221,'76c7598727974014814ff52903ac8b11',380,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.78591991625232626716e-03,1795870278221,'76c7598727974014814ff52903ac8b11',380,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.48400054017048699597e-03,1795870278221,'76c7598727974014814ff52903ac8b11',380,0);
INSERT INTO "metrics" VALUES('train/loss',0.0621947169303894,1795870278331,'76c7598727974014814ff52903ac8b11',400,0);
INSERT INTO "metrics" VALUES('train/grad_norm',8.39013680815696716308e-02,1795870278331,'76c7598727974014814ff52903ac8b11',400,0);
INSERT INTO "metrics" VALUES('train/learning_rate',9.45121951219512275617e-04,1795870278331,'76c7598727974014814ff52903ac8b11',400,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.49498932063852635115e+03,1795870278331,'76c7598727974014814ff52903ac8b11',400,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.49940557679817793534e+04,1795870278331,'76c7598727974014814ff52903ac8b11',400,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.68061072492554064439e-03,1795870278331,'76c7598727974014814ff52903ac8b11',400,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.50699062816079351959e-03,1795870278331,'76c7598727974014814ff52903ac8b11',400,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.19663685786001606353e-02,1795870278430,'76c7598727974014814ff52903ac8b11',410,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870278430,'76c7598727974014814ff52903ac8b11',410,0);
INSERT INTO "metrics" VALUES('train/loss',9.60126817226409912109e-02,1795870278512,'76c7598727974014814ff52903ac8b11',420,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.15604758262634277343e-01,1795870278512,'76c7598727974014814ff52903ac8b11',420,0);
INSERT INTO "metrics" VALUES('train/learning_rate',7.41869918699187072541e-04,1795870278512,'76c7598727974014814ff52903ac8b11',420,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.50224497356832489467e+03,1795870278512,'76c7598727974014814ff52903ac8b11',420,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.5112775404478525161e+04,1795870278512,'76c7598727974014814ff52903ac8b11',420,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.52301156478640820068e-03,1795870278512,'76c7598727974014814ff52903ac8b11',420,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.51925618554673779597e-03,1795870278512,'76c7598727974014814ff52903ac8b11',420,0);
INSERT INTO "metrics" VALUES('train/loss',7.91471362113952692229e-02,1795870278625,'76c7598727974014814ff52903ac8b11',440,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.20059379935264587402e-01,1795870278625,'76c7598727974014814ff52903ac8b11',440,0);
INSERT INTO "metrics" VALUES('train/learning_rate',5.38617886178861869465e-04,1795870278625,'76c7598727974014814ff52903ac8b11',440,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.51596406149844460751e+03,1795870278625,'76c7598727974014814ff52903ac8b11',440,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.5181490530666593259e+04,1795870278625,'76c7598727974014814ff52903ac8b11',440,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.72075429087626385893e-03,1795870278625,'76c7598727974014814ff52903ac8b11',440,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.52566065444823637312e-03,1795870278625,'76c7598727974014814ff52903ac8b11',440,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.55386300475308380963e-02,1795870278696,'76c7598727974014814ff52903ac8b11',451,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870278696,'76c7598727974014814ff52903ac8b11',451,0);
INSERT INTO "metrics" VALUES('train/loss',5.93097150325775160362e-02,1795870278751,'76c7598727974014814ff52903ac8b11',460,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.43531754612922668457e-01,1795870278751,'76c7598727974014814ff52903ac8b11',460,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.3536585365853661218e-04,1795870278751,'76c7598727974014814ff52903ac8b11',460,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.53684748955834220404e+03,1795870278751,'76c7598727974014814ff52903ac8b11',460,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.54244347666766188926e+04,1795870278751,'76c7598727974014814ff52903ac8b11',460,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.73835202760997376003e-03,1795870278751,'76c7598727974014814ff52903ac8b11',460,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.55028269773182204166e-03,1795870278751,'76c7598727974014814ff52903ac8b11',460,0);
INSERT INTO "metrics" VALUES('train/loss',8.37780058383941622635e-02,1795870278843,'76c7598727974014814ff52903ac8b11',480,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.42072767019271850585e-01,1795870278843,'76c7598727974014814ff52903ac8b11',480,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.32113821138211381999e-04,1795870278843,'76c7598727974014814ff52903ac8b11',480,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',2.56648227625652407377e+03,1795870278843,'76c7598727974014814ff52903ac8b11',480,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',2.57184027683326021365e+04,1795870278843,'76c7598727974014814ff52903ac8b11',480,0);
INSERT INTO "metrics" VALUES('train/padding_share',0.00764936944387018,1795870278843,'76c7598727974014814ff52903ac8b11',480,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.57978045543337617534e-03,1795870278843,'76c7598727974014814ff52903ac8b11',480,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.51082234400691413356e-02,1795870278921,'76c7598727974014814ff52903ac8b11',492,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870278921,'76c7598727974014814ff52903ac8b11',492,0);
INSERT INTO "metrics" VALUES('train/train_runtime',3.6102,1795870278960,'76c7598727974014814ff52903ac8b11',492,0);
INSERT INTO "metrics" VALUES('train/train_samples_per_second',2180.513,1795870278960,'76c7598727974014814ff52903ac8b11',492,0);
INSERT INTO "metrics" VALUES('train/train_steps_per_second',136.282,1795870278960,'76c7598727974014814ff52903ac8b11',492,0);
INSERT INTO "metrics" VALUES('train/total_flos',3648499200.0,1795870278960,'76c7598727974014814ff52903ac8b11',492,0);
INSERT INTO "metrics" VALUES('train/train_loss',1.34639634349481840391e-01,1795870278960,'76c7598727974014814ff52903ac8b11',492,0);
INSERT INTO "metrics" VALUES('rows/read',900.0,1795870299454,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/kept',900.0,1795870299471,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/quarantined',0.0,1795870299503,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/train',653.0,1795870299531,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/validation',66.0,1795870299562,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/holdout',181.0,1795870299599,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/spare',0.0,1795870299632,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('rows/augmented',0.0,1795870299667,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870299742,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870299805,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870299876,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870299935,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870299977,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870300027,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870300059,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/ece',1.21208416140068699073e-02,1795870300137,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.097568,1795870300199,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',2.30832999932317761704e+00,1795870300255,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',5.20790614937140894369e+00,1795870300318,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',5.1799156412579777679e+03,1795870300403,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('full/accuracy',9.72375690607734766146e-01,1795870300479,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('full/macro_precision',9.7191011235955060421e-01,1795870300524,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('full/macro_recall',9.74226804123711320748e-01,1795870300561,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('full/macro_f1',9.72321619720463603542e-01,1795870300577,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('full/weighted_precision',9.73927618101682157636e-01,1795870300597,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('full/weighted_recall',9.72375690607734766146e-01,1795870300618,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('full/weighted_f1',9.72409484912279187263e-01,1795870300652,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('full/ece',1.21208421344644774741e-02,1795870300703,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('baseline/accuracy',9.72375690607734766146e-01,1795870300749,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_precision',9.7191011235955060421e-01,1795870300786,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_recall',9.74226804123711320748e-01,1795870300814,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_f1',9.72321619720463603542e-01,1795870300844,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_precision',9.73927618101682157636e-01,1795870300856,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_recall',9.72375690607734766146e-01,1795870300864,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_f1',9.72409484912279187263e-01,1795870300890,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('speed/rows_per_second',2.57501966682011470773e+03,1795870300924,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('speed/tokens_per_second',2.58015531325927549924e+04,1795870300991,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('speed/padding_share',7.6866948470208917854e-03,1795870301022,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('speed/model_flops_utilization',2.58807039122623894558e-03,1795870301065,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('speed/halvings',0.0,1795870301117,'76c7598727974014814ff52903ac8b11',0,0);
INSERT INTO "metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870301486,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870301512,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870301534,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870301546,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870301573,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870301604,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870301643,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('holdout/ece',1.21208421344644774741e-02,1795870301670,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.097568,1795870301698,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',2.30832999932317761704e+00,1795870301735,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',5.20790614937140894369e+00,1795870301761,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',5.1799156412579777679e+03,1795870301797,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('validation/accuracy',1.0,1795870301837,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('validation/macro_precision',1.0,1795870301867,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('validation/macro_recall',1.0,1795870301900,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('validation/macro_f1',1.0,1795870301929,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_precision',1.0,1795870301961,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_recall',1.0,1795870301991,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_f1',1.0,1795870302018,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('validation/ece',1.49241772699672085866e-02,1795870302048,'4dfcd943190242efa6f5e114c39867ac',0,0);
INSERT INTO "metrics" VALUES('rows/read',900.0,1795870399209,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/kept',900.0,1795870399250,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/quarantined',0.0,1795870399274,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/train',653.0,1795870399310,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/validation',66.0,1795870399336,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/holdout',181.0,1795870399363,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/spare',0.0,1795870399394,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/augmented',0.0,1795870399421,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('train/loss',6.9988832473754880592e-01,1795870400536,'5986443a9a7341be8b1f90e4ae931a09',20,0);
INSERT INTO "metrics" VALUES('train/grad_norm',7.06178992986679077148e-02,1795870400536,'5986443a9a7341be8b1f90e4ae931a09',20,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.80691056910569156773e-03,1795870400536,'5986443a9a7341be8b1f90e4ae931a09',20,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',3.58387487372464920562e+03,1795870400536,'5986443a9a7341be8b1f90e4ae931a09',20,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',3.33041003890530701021e+04,1795870400536,'5986443a9a7341be8b1f90e4ae931a09',20,0);
INSERT INTO "metrics" VALUES('train/padding_share',8.07584269662919851384e-03,1795870400536,'5986443a9a7341be8b1f90e4ae931a09',20,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',3.75442575114146763828e-03,1795870400536,'5986443a9a7341be8b1f90e4ae931a09',20,0);
INSERT INTO "metrics" VALUES('train/loss',6.96070814132690451891e-01,1795870401094,'5986443a9a7341be8b1f90e4ae931a09',40,0);
INSERT INTO "metrics" VALUES('train/grad_norm',4.07823711633682250976e-01,1795870401094,'5986443a9a7341be8b1f90e4ae931a09',40,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.60365853658536647308e-03,1795870401094,'5986443a9a7341be8b1f90e4ae931a09',40,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',9.50688003690996424627e+02,1795870401094,'5986443a9a7341be8b1f90e4ae931a09',40,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',9.43222665200474148176e+03,1795870401094,'5986443a9a7341be8b1f90e4ae931a09',40,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.85256410256407466619e-03,1795870401094,'5986443a9a7341be8b1f90e4ae931a09',40,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',0.00106844439011152,1795870401094,'5986443a9a7341be8b1f90e4ae931a09',40,0);
INSERT INTO "metrics" VALUES('train/eval_loss',6.92825938716079225976e-01,1795870401221,'5986443a9a7341be8b1f90e4ae931a09',41,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',5.30303030303030276115e-01,1795870401221,'5986443a9a7341be8b1f90e4ae931a09',41,0);
INSERT INTO "metrics" VALUES('train/loss',6.94047641754150346216e-01,1795870401660,'5986443a9a7341be8b1f90e4ae931a09',60,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.72020792961120605468e-01,1795870401660,'5986443a9a7341be8b1f90e4ae931a09',60,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.40040650406504137842e-03,1795870401660,'5986443a9a7341be8b1f90e4ae931a09',60,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',8.099235686175333058e+02,1795870401660,'5986443a9a7341be8b1f90e4ae931a09',60,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',8.06663283065894847791e+03,1795870401660,'5986443a9a7341be8b1f90e4ae931a09',60,0);
INSERT INTO "metrics" VALUES('train/padding_share',5.71065989847718835648e-03,1795870401660,'5986443a9a7341be8b1f90e4ae931a09',60,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',9.13916072748122056829e-04,1795870401660,'5986443a9a7341be8b1f90e4ae931a09',60,0);
INSERT INTO "metrics" VALUES('train/loss',5.23377275466918923108e-01,1795870401925,'5986443a9a7341be8b1f90e4ae931a09',80,0);
INSERT INTO "metrics" VALUES('train/grad_norm',5.09247958660125732421e-01,1795870401925,'5986443a9a7341be8b1f90e4ae931a09',80,0);
INSERT INTO "metrics" VALUES('train/learning_rate',4.1971544715447154164e-03,1795870401925,'5986443a9a7341be8b1f90e4ae931a09',80,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',865.156798306734,1795870401925,'5986443a9a7341be8b1f90e4ae931a09',80,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',8.59749568317316880013e+03,1795870401925,'5986443a9a7341be8b1f90e4ae931a09',80,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.50632111251581246591e-03,1795870401925,'5986443a9a7341be8b1f90e4ae931a09',80,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',0.000973956039031469,1795870401925,'5986443a9a7341be8b1f90e4ae931a09',80,0);
INSERT INTO "metrics" VALUES('train/eval_loss',2.77873893465959663495e-02,1795870401965,'5986443a9a7341be8b1f90e4ae931a09',82,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870401965,'5986443a9a7341be8b1f90e4ae931a09',82,0);
INSERT INTO "metrics" VALUES('train/loss',8.88712108135223388671e-02,1795870402065,'5986443a9a7341be8b1f90e4ae931a09',100,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.03287918120622634887e-02,1795870402065,'5986443a9a7341be8b1f90e4ae931a09',100,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.00399390243902439,1795870402065,'5986443a9a7341be8b1f90e4ae931a09',100,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.00932106216618660708e+03,1795870402065,'5986443a9a7341be8b1f90e4ae931a09',100,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.01703115361328946168e+04,1795870402065,'5986443a9a7341be8b1f90e4ae931a09',100,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.40049751243776476883e-03,1795870402065,'5986443a9a7341be8b1f90e4ae931a09',100,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.15336001452209162103e-03,1795870402065,'5986443a9a7341be8b1f90e4ae931a09',100,0);
INSERT INTO "metrics" VALUES('train/loss',1.5612417459487915039e-01,1795870402176,'5986443a9a7341be8b1f90e4ae931a09',120,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.03068679571151733398e-01,1795870402176,'5986443a9a7341be8b1f90e4ae931a09',120,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.79065040650406522709e-03,1795870402176,'5986443a9a7341be8b1f90e4ae931a09',120,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.14603353990433583936e+03,1795870402176,'5986443a9a7341be8b1f90e4ae931a09',120,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.15536311966721241329e+04,1795870402176,'5986443a9a7341be8b1f90e4ae931a09',120,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.70264681554999608437e-03,1795870402176,'5986443a9a7341be8b1f90e4ae931a09',120,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.31028289727525178165e-03,1795870402176,'5986443a9a7341be8b1f90e4ae931a09',120,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.82616580842119291538e-02,1795870402296,'5986443a9a7341be8b1f90e4ae931a09',123,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870402296,'5986443a9a7341be8b1f90e4ae931a09',123,0);
INSERT INTO "metrics" VALUES('train/loss',1.03305697441101074218e-01,1795870402649,'5986443a9a7341be8b1f90e4ae931a09',140,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.93309545516967773437e-01,1795870402649,'5986443a9a7341be8b1f90e4ae931a09',140,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.00358739837398374,1795870402649,'5986443a9a7341be8b1f90e4ae931a09',140,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.0788854935072195076e+03,1795870402649,'5986443a9a7341be8b1f90e4ae931a09',140,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.08063189088879589691e+04,1795870402649,'5986443a9a7341be8b1f90e4ae931a09',140,0);
INSERT INTO "metrics" VALUES('train/padding_share',6.95435092724683290299e-03,1795870402649,'5986443a9a7341be8b1f90e4ae931a09',140,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',0.00122503958350828,1795870402649,'5986443a9a7341be8b1f90e4ae931a09',140,0);
INSERT INTO "metrics" VALUES('train/loss',7.96607136726379394531e-02,1795870402918,'5986443a9a7341be8b1f90e4ae931a09',160,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.28597453236579895019e-01,1795870402918,'5986443a9a7341be8b1f90e4ae931a09',160,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.38414634146341503778e-03,1795870402918,'5986443a9a7341be8b1f90e4ae931a09',160,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.08375374206311084885e+03,1795870402918,'5986443a9a7341be8b1f90e4ae931a09',160,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.0847335508707936242e+04,1795870402918,'5986443a9a7341be8b1f90e4ae931a09',160,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.8319825436409251651e-03,1795870402918,'5986443a9a7341be8b1f90e4ae931a09',160,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.22964584317538446096e-03,1795870402918,'5986443a9a7341be8b1f90e4ae931a09',160,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.54343269426714287118e-02,1795870402963,'5986443a9a7341be8b1f90e4ae931a09',164,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870402963,'5986443a9a7341be8b1f90e4ae931a09',164,0);
INSERT INTO "metrics" VALUES('train/loss',9.92100596427917535979e-02,1795870403045,'5986443a9a7341be8b1f90e4ae931a09',180,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.48898348212242126464e-01,1795870403045,'5986443a9a7341be8b1f90e4ae931a09',180,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.00318089430894309,1795870403045,'5986443a9a7341be8b1f90e4ae931a09',180,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.16918090140200615673e+03,1795870403045,'5986443a9a7341be8b1f90e4ae931a09',180,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.17363064715105720097e+04,1795870403045,'5986443a9a7341be8b1f90e4ae931a09',180,0);
INSERT INTO "metrics" VALUES('train/padding_share',8.38162251655627521529e-03,1795870403045,'5986443a9a7341be8b1f90e4ae931a09',180,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.33066582372411623333e-03,1795870403045,'5986443a9a7341be8b1f90e4ae931a09',180,0);
INSERT INTO "metrics" VALUES('train/loss',1.20531845092773440275e-01,1795870403173,'5986443a9a7341be8b1f90e4ae931a09',200,0);
INSERT INTO "metrics" VALUES('train/grad_norm',2.25190401077270507812e-01,1795870403173,'5986443a9a7341be8b1f90e4ae931a09',200,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.97764227642276441479e-03,1795870403173,'5986443a9a7341be8b1f90e4ae931a09',200,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.24331174620515457721e+03,1795870403173,'5986443a9a7341be8b1f90e4ae931a09',200,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.24819283817361065301e+04,1795870403173,'5986443a9a7341be8b1f90e4ae931a09',200,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.54470938897167098247e-03,1795870403173,'5986443a9a7341be8b1f90e4ae931a09',200,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.41519916784475503594e-03,1795870403173,'5986443a9a7341be8b1f90e4ae931a09',200,0);
INSERT INTO "metrics" VALUES('train/eval_loss',2.39134168986118202104e-02,1795870403632,'5986443a9a7341be8b1f90e4ae931a09',205,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870403632,'5986443a9a7341be8b1f90e4ae931a09',205,0);
INSERT INTO "metrics" VALUES('train/loss',4.04272139072418199012e-02,1795870404329,'5986443a9a7341be8b1f90e4ae931a09',220,0);
INSERT INTO "metrics" VALUES('train/grad_norm',5.90898506343364715576e-02,1795870404329,'5986443a9a7341be8b1f90e4ae931a09',220,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.77439024390243932013e-03,1795870404329,'5986443a9a7341be8b1f90e4ae931a09',220,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.01882287235778289872e+03,1795870404329,'5986443a9a7341be8b1f90e4ae931a09',220,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',1.02289351168797948052e+04,1795870404329,'5986443a9a7341be8b1f90e4ae931a09',220,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.78429602888086602519e-03,1795870404329,'5986443a9a7341be8b1f90e4ae931a09',220,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.15970772778294334108e-03,1795870404329,'5986443a9a7341be8b1f90e4ae931a09',220,0);
INSERT INTO "metrics" VALUES('train/loss',1.24854362010955816097e-01,1795870405089,'5986443a9a7341be8b1f90e4ae931a09',240,0);
INSERT INTO "metrics" VALUES('train/grad_norm',8.58898162841796875e-02,1795870405089,'5986443a9a7341be8b1f90e4ae931a09',240,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.57113821138211422548e-03,1795870405089,'5986443a9a7341be8b1f90e4ae931a09',240,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',9.13481776499136799429e+02,1795870405089,'5986443a9a7341be8b1f90e4ae931a09',240,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',9.18044407757278349904e+03,1795870405089,'5986443a9a7341be8b1f90e4ae931a09',240,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.4638429752066359768e-03,1795870405089,'5986443a9a7341be8b1f90e4ae931a09',240,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.04093960438805788713e-03,1795870405089,'5986443a9a7341be8b1f90e4ae931a09',240,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.43158768275470447278e-02,1795870405428,'5986443a9a7341be8b1f90e4ae931a09',246,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870405428,'5986443a9a7341be8b1f90e4ae931a09',246,0);
INSERT INTO "metrics" VALUES('train/loss',1.15428555011749270353e-01,1795870405973,'5986443a9a7341be8b1f90e4ae931a09',260,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.15925706923007965087e-01,1795870405973,'5986443a9a7341be8b1f90e4ae931a09',260,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.36788617886178869714e-03,1795870405973,'5986443a9a7341be8b1f90e4ae931a09',260,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',8.26070997798360508526e+02,1795870405973,'5986443a9a7341be8b1f90e4ae931a09',260,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',8.29758814752817488655e+03,1795870405973,'5986443a9a7341be8b1f90e4ae931a09',260,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.7946224256293383803e-03,1795870405973,'5986443a9a7341be8b1f90e4ae931a09',260,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',9.40776076813580933687e-04,1795870405973,'5986443a9a7341be8b1f90e4ae931a09',260,0);
INSERT INTO "metrics" VALUES('train/loss',1.38127171993255609683e-01,1795870406749,'5986443a9a7341be8b1f90e4ae931a09',280,0);
INSERT INTO "metrics" VALUES('train/grad_norm',4.15353851318359375017e+01,1795870406749,'5986443a9a7341be8b1f90e4ae931a09',280,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.16463414634146360249e-03,1795870406749,'5986443a9a7341be8b1f90e4ae931a09',280,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',7.67472240005287517292e+02,1795870406749,'5986443a9a7341be8b1f90e4ae931a09',280,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',7.68314671451529920907e+03,1795870406749,'5986443a9a7341be8b1f90e4ae931a09',280,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.79307282415631075167e-03,1795870406749,'5986443a9a7341be8b1f90e4ae931a09',280,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',8.70929049872362311991e-04,1795870406749,'5986443a9a7341be8b1f90e4ae931a09',280,0);
INSERT INTO "metrics" VALUES('train/eval_loss',2.11591782104788399265e-02,1795870406844,'5986443a9a7341be8b1f90e4ae931a09',287,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870406844,'5986443a9a7341be8b1f90e4ae931a09',287,0);
INSERT INTO "metrics" VALUES('train/loss',5.99816262722015353103e-02,1795870406939,'5986443a9a7341be8b1f90e4ae931a09',300,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.06731228530406951904e-01,1795870406939,'5986443a9a7341be8b1f90e4ae931a09',300,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.96138211382113807415e-03,1795870406939,'5986443a9a7341be8b1f90e4ae931a09',300,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',7.99321281728614621911e+02,1795870406939,'5986443a9a7341be8b1f90e4ae931a09',300,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',7996.55446144053,1795870406939,'5986443a9a7341be8b1f90e4ae931a09',300,0);
INSERT INTO "metrics" VALUES('train/padding_share',0.00754810882548107,1795870406939,'5986443a9a7341be8b1f90e4ae931a09',300,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',9.06432157215002827672e-04,1795870406939,'5986443a9a7341be8b1f90e4ae931a09',300,0);
INSERT INTO "metrics" VALUES('train/loss',6.26646161079406766036e-02,1795870407081,'5986443a9a7341be8b1f90e4ae931a09',320,0);
INSERT INTO "metrics" VALUES('train/grad_norm',7.51912668347358703613e-02,1795870407081,'5986443a9a7341be8b1f90e4ae931a09',320,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.7581300813008129795e-03,1795870407081,'5986443a9a7341be8b1f90e4ae931a09',320,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',8.3315378276094713781e+02,1795870407081,'5986443a9a7341be8b1f90e4ae931a09',320,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',8.36124668114836094943e+03,1795870407081,'5986443a9a7341be8b1f90e4ae931a09',320,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.63329200247986339178e-03,1795870407081,'5986443a9a7341be8b1f90e4ae931a09',320,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',9.47930550813370215168e-04,1795870407081,'5986443a9a7341be8b1f90e4ae931a09',320,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.34330779088265971771e-02,1795870407509,'5986443a9a7341be8b1f90e4ae931a09',328,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870407509,'5986443a9a7341be8b1f90e4ae931a09',328,0);
INSERT INTO "metrics" VALUES('train/loss',9.20602858066558865646e-02,1795870408068,'5986443a9a7341be8b1f90e4ae931a09',340,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.55714720487594604492e-01,1795870408068,'5986443a9a7341be8b1f90e4ae931a09',340,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.55487804878048788484e-03,1795870408068,'5986443a9a7341be8b1f90e4ae931a09',340,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',771.718151492967,1795870408068,'5986443a9a7341be8b1f90e4ae931a09',340,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',7.74336074425760216392e+03,1795870408068,'5986443a9a7341be8b1f90e4ae931a09',340,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.44091041727457103149e-03,1795870408068,'5986443a9a7341be8b1f90e4ae931a09',340,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',0.000877875886280769,1795870408068,'5986443a9a7341be8b1f90e4ae931a09',340,0);
INSERT INTO "metrics" VALUES('train/loss',1.02706897258758547697e-01,1795870408866,'5986443a9a7341be8b1f90e4ae931a09',360,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.7321039736270904541e-01,1795870408866,'5986443a9a7341be8b1f90e4ae931a09',360,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.35162601626016257334e-03,1795870408866,'5986443a9a7341be8b1f90e4ae931a09',360,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',7.31547465979976095683e+02,1795870408866,'5986443a9a7341be8b1f90e4ae931a09',360,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',7.34655014407885391825e+03,1795870408866,'5986443a9a7341be8b1f90e4ae931a09',360,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.63831544178361632191e-03,1795870408866,'5986443a9a7341be8b1f90e4ae931a09',360,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',8.32957490724522595613e-04,1795870408866,'5986443a9a7341be8b1f90e4ae931a09',360,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.96238565964229165483e-02,1795870409366,'5986443a9a7341be8b1f90e4ae931a09',369,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870409366,'5986443a9a7341be8b1f90e4ae931a09',369,0);
INSERT INTO "metrics" VALUES('train/loss',1.08685529232025152035e-01,1795870409810,'5986443a9a7341be8b1f90e4ae931a09',380,0);
INSERT INTO "metrics" VALUES('train/grad_norm',0.440375953912735,1795870409810,'5986443a9a7341be8b1f90e4ae931a09',380,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.14837398373983747869e-03,1795870409810,'5986443a9a7341be8b1f90e4ae931a09',380,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',6.97729721909474278609e+02,1795870409810,'5986443a9a7341be8b1f90e4ae931a09',380,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',7.00560221770782572993e+03,1795870409810,'5986443a9a7341be8b1f90e4ae931a09',380,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.46609285341681694347e-03,1795870409810,'5986443a9a7341be8b1f90e4ae931a09',380,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',7.94284426026931858651e-04,1795870409810,'5986443a9a7341be8b1f90e4ae931a09',380,0);
INSERT INTO "metrics" VALUES('train/loss',5.56786060333251953125e-02,1795870410689,'5986443a9a7341be8b1f90e4ae931a09',400,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.28244355320930480957e-01,1795870410689,'5986443a9a7341be8b1f90e4ae931a09',400,0);
INSERT INTO "metrics" VALUES('train/learning_rate',9.45121951219512275617e-04,1795870410689,'5986443a9a7341be8b1f90e4ae931a09',400,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',6.69673327873987545878e+02,1795870410689,'5986443a9a7341be8b1f90e4ae931a09',400,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',6.70239780876888562467e+03,1795870410689,'5986443a9a7341be8b1f90e4ae931a09',400,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.61058648111334612451e-03,1795870410689,'5986443a9a7341be8b1f90e4ae931a09',400,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',7.59709265358660189131e-04,1795870410689,'5986443a9a7341be8b1f90e4ae931a09',400,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.50949939182310390733e-02,1795870411168,'5986443a9a7341be8b1f90e4ae931a09',410,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870411168,'5986443a9a7341be8b1f90e4ae931a09',410,0);
INSERT INTO "metrics" VALUES('train/loss',8.76492142677307156661e-02,1795870411540,'5986443a9a7341be8b1f90e4ae931a09',420,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.15188188850879669189e-01,1795870411540,'5986443a9a7341be8b1f90e4ae931a09',420,0);
INSERT INTO "metrics" VALUES('train/learning_rate',7.41869918699187072541e-04,1795870411540,'5986443a9a7341be8b1f90e4ae931a09',420,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',6.53398165096646266637e+02,1795870411540,'5986443a9a7341be8b1f90e4ae931a09',420,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',6.55678820983170953682e+03,1795870411540,'5986443a9a7341be8b1f90e4ae931a09',420,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.64101958933205427371e-03,1795870411540,'5986443a9a7341be8b1f90e4ae931a09',420,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',7.4338638681297646623e-04,1795870411540,'5986443a9a7341be8b1f90e4ae931a09',420,0);
INSERT INTO "metrics" VALUES('train/loss',1.2123062610626220148e-01,1795870412261,'5986443a9a7341be8b1f90e4ae931a09',440,0);
INSERT INTO "metrics" VALUES('train/grad_norm',3.20865422487258911132e-01,1795870412261,'5986443a9a7341be8b1f90e4ae931a09',440,0);
INSERT INTO "metrics" VALUES('train/learning_rate',5.38617886178861869465e-04,1795870412261,'5986443a9a7341be8b1f90e4ae931a09',440,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',6.39096704501968702069e+02,1795870412261,'5986443a9a7341be8b1f90e4ae931a09',440,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',6.40507011865263120847e+03,1795870412261,'5986443a9a7341be8b1f90e4ae931a09',440,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.73849797023007379692e-03,1795870412261,'5986443a9a7341be8b1f90e4ae931a09',440,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',7.26113888135469700418e-04,1795870412261,'5986443a9a7341be8b1f90e4ae931a09',440,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.68777978555722657505e-02,1795870412748,'5986443a9a7341be8b1f90e4ae931a09',451,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870412748,'5986443a9a7341be8b1f90e4ae931a09',451,0);
INSERT INTO "metrics" VALUES('train/loss',5.28694093227386474609e-02,1795870413148,'5986443a9a7341be8b1f90e4ae931a09',460,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.51975065469741821289e-01,1795870413148,'5986443a9a7341be8b1f90e4ae931a09',460,0);
INSERT INTO "metrics" VALUES('train/learning_rate',3.3536585365853661218e-04,1795870413148,'5986443a9a7341be8b1f90e4ae931a09',460,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',6.22832166767791932208e+02,1795870413148,'5986443a9a7341be8b1f90e4ae931a09',460,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',6.24282388724726843053e+03,1795870413148,'5986443a9a7341be8b1f90e4ae931a09',460,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.61701898188094084218e-03,1795870413148,'5986443a9a7341be8b1f90e4ae931a09',460,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',7.07735073013385728411e-04,1795870413148,'5986443a9a7341be8b1f90e4ae931a09',460,0);
INSERT INTO "metrics" VALUES('train/loss',1.10451734066009527035e-01,1795870413696,'5986443a9a7341be8b1f90e4ae931a09',480,0);
INSERT INTO "metrics" VALUES('train/grad_norm',1.17367126047611236572e-01,1795870413696,'5986443a9a7341be8b1f90e4ae931a09',480,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.32113821138211381999e-04,1795870413696,'5986443a9a7341be8b1f90e4ae931a09',480,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',6.19824453028012499087e+02,1795870413696,'5986443a9a7341be8b1f90e4ae931a09',480,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',6.21272111914912511564e+03,1795870413696,'5986443a9a7341be8b1f90e4ae931a09',480,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.60903265812318263527e-03,1795870413696,'5986443a9a7341be8b1f90e4ae931a09',480,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',7.04314137928215445311e-04,1795870413696,'5986443a9a7341be8b1f90e4ae931a09',480,0);
INSERT INTO "metrics" VALUES('train/eval_loss',1.65134420561971091701e-02,1795870414243,'5986443a9a7341be8b1f90e4ae931a09',492,0);
INSERT INTO "metrics" VALUES('train/eval_accuracy',1.0,1795870414243,'5986443a9a7341be8b1f90e4ae931a09',492,0);
INSERT INTO "metrics" VALUES('train/train_runtime',13.9356,1795870414303,'5986443a9a7341be8b1f90e4ae931a09',492,0);
INSERT INTO "metrics" VALUES('train/train_samples_per_second',564.883,1795870414303,'5986443a9a7341be8b1f90e4ae931a09',492,0);
INSERT INTO "metrics" VALUES('train/train_steps_per_second',35.305,1795870414303,'5986443a9a7341be8b1f90e4ae931a09',492,0);
INSERT INTO "metrics" VALUES('train/total_flos',3648499200.0,1795870414303,'5986443a9a7341be8b1f90e4ae931a09',492,0);
INSERT INTO "metrics" VALUES('train/train_loss',1.86201174690471427108e-01,1795870414303,'5986443a9a7341be8b1f90e4ae931a09',492,0);
INSERT INTO "metrics" VALUES('rows/read',900.0,1795870451205,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/kept',900.0,1795870451246,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/quarantined',0.0,1795870451282,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/train',653.0,1795870451318,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/validation',66.0,1795870451354,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/holdout',181.0,1795870451383,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/spare',0.0,1795870451414,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('rows/augmented',0.0,1795870451446,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870451522,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870451594,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870451651,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870451714,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870451778,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870451846,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870451898,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/ece',1.07357145612260642536e-02,1795870451962,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.050166,1795870451987,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',5.6814999879861716181e-02,1795870452017,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',1.02612650607625255361e-01,1795870452057,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',1.76680566513780613609e+04,1795870452079,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('full/accuracy',9.72375690607734766146e-01,1795870452099,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('full/macro_precision',9.7191011235955060421e-01,1795870452109,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('full/macro_recall',9.74226804123711320748e-01,1795870452115,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('full/macro_f1',9.72321619720463603542e-01,1795870452130,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('full/weighted_precision',9.73927618101682157636e-01,1795870452135,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('full/weighted_recall',9.72375690607734766146e-01,1795870452144,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('full/weighted_f1',9.72409484912279187263e-01,1795870452159,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('full/ece',1.07207814699126456614e-02,1795870452172,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('baseline/accuracy',9.72375690607734766146e-01,1795870452191,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_precision',9.7191011235955060421e-01,1795870452209,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_recall',9.74226804123711320748e-01,1795870452223,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('baseline/macro_f1',9.72321619720463603542e-01,1795870452255,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_precision',9.73927618101682157636e-01,1795870452291,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_recall',9.72375690607734766146e-01,1795870452308,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('baseline/weighted_f1',9.72409484912279187263e-01,1795870452324,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('speed/rows_per_second',6.1239186757723246047e+02,1795870452335,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('speed/tokens_per_second',6.13621007758599353119e+03,1795870452342,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('speed/padding_share',7.67411433172304757732e-03,1795870452349,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('speed/model_flops_utilization',0.000695619444634243,1795870452359,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('speed/halvings',0.0,1795870452372,'5986443a9a7341be8b1f90e4ae931a09',0,0);
INSERT INTO "metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870452552,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870452573,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870452589,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870452600,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870452609,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870452619,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870452626,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('holdout/ece',1.07207814699126456614e-02,1795870452633,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.097568,1795870452646,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',6.12027999522979371249e-01,1795870452659,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',7.80225695134503638428e+00,1795870452670,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',1.75758580357895771153e+04,1795870452680,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('validation/accuracy',1.0,1795870452688,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('validation/macro_precision',1.0,1795870452697,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('validation/macro_recall',1.0,1795870452709,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('validation/macro_f1',1.0,1795870452716,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_precision',1.0,1795870452723,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_recall',1.0,1795870452732,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_f1',1.0,1795870452740,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('validation/ece',1.63706497889181817884e-02,1795870452747,'82ea231455904d628fdbd5fb0674cb1b',0,0);
INSERT INTO "metrics" VALUES('holdout/accuracy',9.72375690607734766146e-01,1795870452788,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_precision',9.7191011235955060421e-01,1795870452799,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_recall',9.74226804123711320748e-01,1795870452811,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('holdout/macro_f1',9.72321619720463603542e-01,1795870452822,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_precision',9.73927618101682157636e-01,1795870452836,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_recall',9.72375690607734766146e-01,1795870452844,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('holdout/weighted_f1',9.72409484912279187263e-01,1795870452852,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('holdout/ece',1.07357145612260642536e-02,1795870452861,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.050166,1795870452874,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',5.6814999879861716181e-02,1795870452885,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',1.02612650607625255361e-01,1795870452898,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',1.76680566513780613609e+04,1795870452906,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('validation/accuracy',1.0,1795870452913,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('validation/macro_precision',1.0,1795870452932,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('validation/macro_recall',1.0,1795870452946,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('validation/macro_f1',1.0,1795870452953,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_precision',1.0,1795870452963,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_recall',1.0,1795870452975,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('validation/weighted_f1',1.0,1795870452988,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('validation/ece',1.63571063215567219506e-02,1795870453005,'4a314603fa3d46dab8fecc3ed5f70d32',0,0);
INSERT INTO "metrics" VALUES('rows/read',300.0,1795870544600,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/kept',300.0,1795870544649,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/quarantined',0.0,1795870544670,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/train',209.0,1795870544706,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/validation',25.0,1795870544730,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/holdout',66.0,1795870544754,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/spare',0.0,1795870544770,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/augmented',0.0,1795870544804,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('train/eval_loss',4.29062348005836557973e+00,1795870545849,'01226e5c8c024c51bf16add0666267e3',15,0);
INSERT INTO "metrics" VALUES('train/loss',4.80323486328125,1795870545969,'01226e5c8c024c51bf16add0666267e3',20,0);
INSERT INTO "metrics" VALUES('train/grad_norm',4.85983371734619140625e-01,1795870545969,'01226e5c8c024c51bf16add0666267e3',20,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.002525,1795870545969,'01226e5c8c024c51bf16add0666267e3',20,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.8620574717296001381e+03,1795870545969,'01226e5c8c024c51bf16add0666267e3',20,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',8.88213664393122744478e+04,1795870545969,'01226e5c8c024c51bf16add0666267e3',20,0);
INSERT INTO "metrics" VALUES('train/padding_share',5.14544456641052860845e-03,1795870545969,'01226e5c8c024c51bf16add0666267e3',20,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',2.78694069668112207049e-02,1795870545969,'01226e5c8c024c51bf16add0666267e3',20,0);
INSERT INTO "metrics" VALUES('train/eval_loss',3.82137569917315156331e+00,1795870546301,'01226e5c8c024c51bf16add0666267e3',30,0);
INSERT INTO "metrics" VALUES('train/loss',3.88058815002441415131e+00,1795870546591,'01226e5c8c024c51bf16add0666267e3',40,0);
INSERT INTO "metrics" VALUES('train/grad_norm',6.12091779708862304687e-01,1795870546591,'01226e5c8c024c51bf16add0666267e3',40,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.02500000000000032404e-03,1795870546591,'01226e5c8c024c51bf16add0666267e3',40,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',8.38496936992548398855e+02,1795870546591,'01226e5c8c024c51bf16add0666267e3',40,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',3.99871664279234828431e+04,1795870546591,'01226e5c8c024c51bf16add0666267e3',40,0);
INSERT INTO "metrics" VALUES('train/padding_share',5.41443850267375736962e-03,1795870546591,'01226e5c8c024c51bf16add0666267e3',40,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.25467783142011162639e-02,1795870546591,'01226e5c8c024c51bf16add0666267e3',40,0);
INSERT INTO "metrics" VALUES('train/eval_loss',3.55814308730544759384e+00,1795870546753,'01226e5c8c024c51bf16add0666267e3',45,0);
INSERT INTO "metrics" VALUES('train/loss',3.55023727416992196381e+00,1795870546887,'01226e5c8c024c51bf16add0666267e3',60,0);
INSERT INTO "metrics" VALUES('train/grad_norm',7.30760335922241210937e-01,1795870546887,'01226e5c8c024c51bf16add0666267e3',60,0);
INSERT INTO "metrics" VALUES('train/learning_rate',1.52499999999999987995e-03,1795870546887,'01226e5c8c024c51bf16add0666267e3',60,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',9.03632958181153298979e+02,1795870546887,'01226e5c8c024c51bf16add0666267e3',60,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',4.30259472503458455325e+04,1795870546887,'01226e5c8c024c51bf16add0666267e3',60,0);
INSERT INTO "metrics" VALUES('train/padding_share',6.63012729844414394619e-03,1795870546887,'01226e5c8c024c51bf16add0666267e3',60,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.34997479116272332128e-02,1795870546887,'01226e5c8c024c51bf16add0666267e3',60,0);
INSERT INTO "metrics" VALUES('train/eval_loss',3.30699021157587536023e+00,1795870546918,'01226e5c8c024c51bf16add0666267e3',60,0);
INSERT INTO "metrics" VALUES('train/eval_loss',3.09767657921935812836e+00,1795870547051,'01226e5c8c024c51bf16add0666267e3',75,0);
INSERT INTO "metrics" VALUES('train/loss',3.26593360900878915131e+00,1795870547187,'01226e5c8c024c51bf16add0666267e3',80,0);
INSERT INTO "metrics" VALUES('train/grad_norm',0.718174397945404,1795870547187,'01226e5c8c024c51bf16add0666267e3',80,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.001025,1795870547187,'01226e5c8c024c51bf16add0666267e3',80,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',1.0052545458289677072e+03,1795870547187,'01226e5c8c024c51bf16add0666267e3',80,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',4.77988992985859295018e+04,1795870547187,'01226e5c8c024c51bf16add0666267e3',80,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.82488114104595844366e-03,1795870547187,'01226e5c8c024c51bf16add0666267e3',80,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.49970336414770501892e-02,1795870547187,'01226e5c8c024c51bf16add0666267e3',80,0);
INSERT INTO "metrics" VALUES('train/eval_loss',2.94330541707198456435e+00,1795870547485,'01226e5c8c024c51bf16add0666267e3',90,0);
INSERT INTO "metrics" VALUES('train/loss',3.06376361846923828125e+00,1795870547765,'01226e5c8c024c51bf16add0666267e3',100,0);
INSERT INTO "metrics" VALUES('train/grad_norm',7.60185122489929199218e-01,1795870547765,'01226e5c8c024c51bf16add0666267e3',100,0);
INSERT INTO "metrics" VALUES('train/learning_rate',0.000525,1795870547765,'01226e5c8c024c51bf16add0666267e3',100,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',8.984643819405223439e+02,1795870547765,'01226e5c8c024c51bf16add0666267e3',100,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',4.27950383135407391808e+04,1795870547765,'01226e5c8c024c51bf16add0666267e3',100,0);
INSERT INTO "metrics" VALUES('train/padding_share',0.0064264643910662,1795870547765,'01226e5c8c024c51bf16add0666267e3',100,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.34275282114458705678e-02,1795870547765,'01226e5c8c024c51bf16add0666267e3',100,0);
INSERT INTO "metrics" VALUES('train/eval_loss',2.85700218111624515415e+00,1795870547963,'01226e5c8c024c51bf16add0666267e3',105,0);
INSERT INTO "metrics" VALUES('train/loss',2.95935745239257830263e+00,1795870548333,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/grad_norm',6.561794281005859375e-01,1795870548333,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/learning_rate',2.5e-05,1795870548333,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/rows_per_second',8.37009999395483532663e+02,1795870548333,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/tokens_per_second',3.98322684008536598418e+04,1795870548333,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/padding_share',7.0028932140978605858e-03,1795870548333,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/model_flops_utilization',1.24975060454428112122e-02,1795870548333,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/eval_loss',2.82165384849221778651e+00,1795870548518,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/train_runtime',2.8905,1795870548579,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/train_samples_per_second',664.246,1795870548579,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/train_steps_per_second',41.515,1795870548579,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/total_flos',7049161728.0,1795870548579,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('train/train_loss',3.58718582789103201946e+00,1795870548579,'01226e5c8c024c51bf16add0666267e3',120,0);
INSERT INTO "metrics" VALUES('rows/read',300.0,1795870552620,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/kept',300.0,1795870552634,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/quarantined',0.0,1795870552650,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/train',209.0,1795870552666,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/validation',25.0,1795870552677,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/holdout',66.0,1795870552703,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/spare',0.0,1795870552722,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('rows/augmented',0.0,1795870552734,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('holdout/loss',2.85861055702959054869e+00,1795870552761,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('holdout/perplexity',1.74372819881124634382e+01,1795870552799,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.099144,1795870552827,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',1.43696949999139178544e+00,1795870552858,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',1.71594989915320184081e+00,1795870552925,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',5.80068273943031817918e+03,1795870552970,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('full/loss',2.85861055702959054869e+00,1795870553007,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('full/perplexity',1.74372819881124634382e+01,1795870553018,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('full/distinct_1',8.5294117647058820264e-01,1795870553032,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('full/distinct_2',1.0,1795870553050,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('baseline/loss',3.92436301781089502682e+00,1795870553067,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('baseline/perplexity',5.06208232242599862624e+01,1795870553076,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('speed/rows_per_second',8.22059164736951402101e+02,1795870553095,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('speed/tokens_per_second',3.91235939042543832341e+04,1795870553118,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('speed/padding_share',0.00694444444444442,1795870553130,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('speed/model_flops_utilization',1.22751746100830342461e-02,1795870553166,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('speed/halvings',0.0,1795870553186,'01226e5c8c024c51bf16add0666267e3',0,0);
INSERT INTO "metrics" VALUES('holdout/loss',2.85861055702959054869e+00,1795870553366,'bf1ac764de3f412e81b88c6d7e33f956',0,0);
INSERT INTO "metrics" VALUES('holdout/perplexity',1.74372819881124634382e+01,1795870553381,'bf1ac764de3f412e81b88c6d7e33f956',0,0);
INSERT INTO "metrics" VALUES('cost/size_mb',0.099144,1795870553398,'bf1ac764de3f412e81b88c6d7e33f956',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p50',1.43696949999139178544e+00,1795870553426,'bf1ac764de3f412e81b88c6d7e33f956',0,0);
INSERT INTO "metrics" VALUES('cost/latency_ms_p95',1.71594989915320184081e+00,1795870553443,'bf1ac764de3f412e81b88c6d7e33f956',0,0);
INSERT INTO "metrics" VALUES('cost/throughput',5.80068273943031817918e+03,1795870553453,'bf1ac764de3f412e81b88c6d7e33f956',0,0);
INSERT INTO "metrics" VALUES('validation/loss',2.82149691043660810763e+00,1795870553459,'bf1ac764de3f412e81b88c6d7e33f956',0,0);
INSERT INTO "metrics" VALUES('validation/perplexity',1.68019829206740745064e+01,1795870553467,'bf1ac764de3f412e81b88c6d7e33f956',0,0);
CREATE TABLE "model_definitions" (
	model_definition_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	secret_id VARCHAR(36), 
	provider VARCHAR(64) NOT NULL, 
	model_name VARCHAR(256) NOT NULL, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_definitions_pk PRIMARY KEY (model_definition_id), 
	CONSTRAINT fk_model_definitions_secret_id FOREIGN KEY(secret_id) REFERENCES secrets (secret_id) ON DELETE SET NULL, 
	CONSTRAINT uq_model_definitions_workspace_name UNIQUE (workspace, name)
);
CREATE TABLE "model_version_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value TEXT, 
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_version_tag_pk PRIMARY KEY (workspace, "key", name, version), 
	CONSTRAINT fk_model_version_tags_model_versions FOREIGN KEY(workspace, name, version) REFERENCES model_versions (workspace, name, version) ON UPDATE CASCADE
);
INSERT INTO "model_version_tags" VALUES('nightshift.data','ae8a50f139d31061c5ce8d35dd2ea8eca8d5e4f1014931ff0cb776dc387b2988','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.settings','9f5ae3fe8ab620d1bf28cd457472f6e417113928a2bee61cd15a5628dca68144','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.base_model','scratch:bert {"hidden_size": 32, "intermediate_size": 32, "max_position_embeddings": 64, "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 450}','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.teachers','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.code','7eb1c5876ee1e8f6b60115226fef3f68e858ca439b066e42b6e97507bc1e5c1b','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.environment','de173c5a2488f03e2ad0e099e43c0a6523c98b4e60de68e92cd47fb07fce241d','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.device','cpu','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.holdout','0','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.fingerprint','0e4cbc0624f643504e8fcc703b54ff1f332aba303586db6bb671d7f17b1912e9','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.flow_run','d6cc4e45-693b-4e3b-a798-efa9fb9c7b49','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.labels','{"main": ["bad", "good"]}','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.compressed','c2c1685b945a3834a1ff9637402a950b8bd2002a3458c2aa17eedad42210d50a','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.recipe','full','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.objectives','{"main": "classification"}','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.confirmed','true','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.digest','f36f0c8ea4a8b58af8ab4b70673b295ceb02b8e81f7b8fdc7f4dd9ffd0cbdb5e','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.checkpoint','runs:/c51b4cfb2e444dc7a9cf040160d14411/checkpoint','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.checkpoint_digest','46c919833d1736b270e67a35658d942b546e1eff6c1f72256fe8e6bd371bdf43','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('action','promoted','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('old','','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('new','1','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('version','1','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:50:25+00:00','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('who','nightly','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('why','the first version is below the baseline: macro_f1 0.7649 against 0.7901 of TF-IDF with logistic regression on the same rows; promoted because of gate.first: dummy; the first version: macro_f1 0.7649 against the baseline''s 0.7901, the dummy''s 0.3361; shown to beat the dummy and guessing at 99.875 %','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('evidence','c51b4cfb2e444dc7a9cf040160d14411','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('claim','first','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('tested','','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('alpha','','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('pending','','tone.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.gate','promote','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.claim','first','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.accuracy','0.7654','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.macro_f1','0.7649','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.weighted_f1','0.7650','tone',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.data','9cb0a4b44ea4fdc288f40b82284bf1492b6082c0f0b0a44564c01c93fd142f65','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.settings','c4d2d4e0cfcfbbec330bdb2f1a331d0de2a41ee655171514e548c718139c061f','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.base_model','scratch:bert {"hidden_size": 32, "intermediate_size": 32, "max_position_embeddings": 64, "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 450}','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.teachers','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.code','7eb1c5876ee1e8f6b60115226fef3f68e858ca439b066e42b6e97507bc1e5c1b','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.environment','de173c5a2488f03e2ad0e099e43c0a6523c98b4e60de68e92cd47fb07fce241d','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.device','cpu','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.holdout','0','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.fingerprint','38d4656167eb897aacd1bfdf7769c5769033a6dff4d73aff543459a8818aed29','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.flow_run','b56cebe2-ac51-493c-b67d-07a0848a57bd','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.labels','{"main": ["bad", "good"]}','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.compressed','f4d8c04109ee2499d7e52bea6875d06edf6800686845ad486c6f657ed7854094','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.recipe','full','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.objectives','{"main": "classification"}','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.confirmed','true','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.digest','256523f681d54707939ad8aafaf23271b7be55d6c176de5c8f43f6daa923e168','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.checkpoint','runs:/76c7598727974014814ff52903ac8b11/checkpoint','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.checkpoint_digest','b9d5927d27ec0e23baeee1980212790461a8cdcaba2e3d89ce99c7c6fc97e5af','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('action','promoted','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('old','1','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('new','2','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('version','2','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:51:39+00:00','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('who','nightly','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('why','better: macro_f1 differs by +0.0940 from the champion''s, at 99.875 % at least +0.0384; not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.37, at 99.99986 % at most 1.31 of it','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('evidence','76c7598727974014814ff52903ac8b11','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('claim','better','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('tested','better','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('alpha','0.0012500000000000011','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('pending','','tone.ledger',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.gate','promote','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.claim','better','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.accuracy','0.9724','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.macro_f1','0.9723','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.weighted_f1','0.9724','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.difference','+0.0940 (+0.0384 to +0.1818)','tone',2,'default');
INSERT INTO "model_version_tags" VALUES('action','rolled back','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('old','2','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('new','1','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('version','1','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:51:55+00:00','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('who','ada','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('why','customers complained','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('evidence','','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('claim','','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('tested','','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('alpha','','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('pending','','tone.ledger',3,'default');
INSERT INTO "model_version_tags" VALUES('action','promoted','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('old','1','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('new','2','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('version','2','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:52:08+00:00','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('who','ada','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('why','it was another fault','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('evidence','','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('claim','','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('tested','','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('alpha','','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('pending','','tone.ledger',4,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.data','9cb0a4b44ea4fdc288f40b82284bf1492b6082c0f0b0a44564c01c93fd142f65','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.settings','7d59c9119a159187085e67eb49fe5984a45940869885c8aaf7d1692536a8287f','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.base_model','scratch:bert {"hidden_size": 32, "intermediate_size": 32, "max_position_embeddings": 64, "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 450}','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.teachers','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.code','7eb1c5876ee1e8f6b60115226fef3f68e858ca439b066e42b6e97507bc1e5c1b','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.environment','de173c5a2488f03e2ad0e099e43c0a6523c98b4e60de68e92cd47fb07fce241d','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.device','cpu','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.holdout','0','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.fingerprint','485a218ec45544250ecf2c7420dbf5ba209f9920b7023f662af994a57da46178','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.flow_run','97cb70e4-fda6-4142-bd8c-fbad095aba19','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.labels','{"main": ["bad", "good"]}','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.compressed','02cfe7a93cd923c23b83510a0fc12125dc9d0cd839a9615cda96ea5e9bac2042','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.recipe','quantize','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.objectives','{"main": "classification"}','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.confirmed','true','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.digest','57ce619f037c073bff033cd9962cebce162a1bd66a8d295efb72407397847dd3','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.checkpoint','runs:/5986443a9a7341be8b1f90e4ae931a09/checkpoint','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.checkpoint_digest','9b9706d2f9bc187687c45baf4d695779a429b09cfdaf8e8764f7f4524f15ec7c','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('action','held','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('old','2','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('new','2','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('version','3','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:54:11+00:00','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('who','nightly','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('why','no test on the holdout is spent on it (1 tests have spent 2.5 % of the year''s error budget): on validation not shown to be better: macro_f1 differs by +0.0000 from the champion''s, at 90 % at least -0.0252; not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.41, at 99.99986 % at most 1.13 of it','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('evidence','5986443a9a7341be8b1f90e4ae931a09','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('claim','','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('tested','','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('alpha','','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('pending','','tone.ledger',5,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.gate','hold','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.claim','','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.accuracy','0.9724','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.macro_f1','0.9723','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.weighted_f1','0.9724','tone',3,'default');
INSERT INTO "model_version_tags" VALUES('action','moved by hand','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('old','2','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('new','1','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('version','1','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:54:56+00:00','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('who','unknown','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('why','the alias was set outside nightshift','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('evidence','','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('claim','','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('tested','','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('alpha','','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('pending','','tone.ledger',6,'default');
INSERT INTO "model_version_tags" VALUES('action','skipped','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('old','1','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('new','1','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('version','','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:54:57+00:00','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('who','nightly','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('why','same data, settings, base model, code, environment and device as the night tone-2026-11-28 (run 5986443a9a7341be8b1f90e4ae931a09), which ended held','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('evidence','5986443a9a7341be8b1f90e4ae931a09','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('claim','','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('tested','','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('alpha','','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('pending','','tone.ledger',7,'default');
INSERT INTO "model_version_tags" VALUES('action','promoted','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('old','1','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('new','2','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('version','2','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:55:09+00:00','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('who','ada','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('why','the better one','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('evidence','','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('claim','','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('tested','','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('alpha','','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('pending','','tone.ledger',8,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.data','195301c64581705ac1563fcf986baae259b2d54c32754a0f08bed55542a56112','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.settings','36012f3c5df2c5e8872299b3427ea938a46ab4ea3145cb6f42740ad289eb98d2','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.base_model','scratch:gpt2 {"n_embd": 32, "n_head": 2, "n_layer": 1, "n_positions": 64, "vocab_size": 300}','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.teachers','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.code','7eb1c5876ee1e8f6b60115226fef3f68e858ca439b066e42b6e97507bc1e5c1b','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.environment','de173c5a2488f03e2ad0e099e43c0a6523c98b4e60de68e92cd47fb07fce241d','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.device','cpu','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.holdout','0','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.fingerprint','e0b549cf489793ebee36de462590ebe97f440b27ace2ef8b55aaa56bc4df0b39','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.flow_run','f7e67ae7-91f9-459e-a88f-50333081fd66','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.labels','{}','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.compressed','91ea9709a334857a48e150511b72a2f329c3ccf1b89a98de6957fd8a413d51dc','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.recipe','full','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.objectives','{"main": "generation"}','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.confirmed','true','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.digest','21021eccaec817641378b7e93165e3247d439199dbbe6e916674dd207c7db493','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.checkpoint','runs:/01226e5c8c024c51bf16add0666267e3/checkpoint','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.checkpoint_digest','32cd40c4592c268d7cc62035075fa5c7ee2a6105d7d9c913ba796b443eab293e','story',1,'default');
INSERT INTO "model_version_tags" VALUES('action','promoted','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('old','','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('new','1','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('version','1','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('when','2026-11-28T12:55:52+00:00','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('who','nightly','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('why','the first version: loss 2.8586 against the baseline''s 3.9244, the dummy''s 3.9244; shown to beat the dummy at 99.875 %','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('evidence','01226e5c8c024c51bf16add0666267e3','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('claim','first','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('tested','','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('alpha','','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('pending','','story.ledger',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.gate','promote','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.claim','first','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.loss','2.8586','story',1,'default');
INSERT INTO "model_version_tags" VALUES('nightshift.perplexity','17.4373','story',1,'default');
CREATE TABLE "model_versions" (
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	user_id VARCHAR(256), 
	current_stage VARCHAR(20), 
	source VARCHAR(500), 
	run_id VARCHAR(32), 
	status VARCHAR(20), 
	status_message VARCHAR(500), 
	run_link VARCHAR(500), 
	storage_location VARCHAR(500), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_version_pk PRIMARY KEY (workspace, name, version), 
	CONSTRAINT fk_model_versions_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON UPDATE CASCADE
);
INSERT INTO "model_versions" VALUES('tone',1,1795870224233,1795870496901,'**full** passes the gate as *first*: the first version is below the baseline: macro\_f1 0.7649 against 0.7901 of TF-IDF with logistic regression on the same rows; promoted because of gate.first: dummy

- the first version: macro\_f1 0.7649 against the baseline''s 0.7901, the dummy''s 0.3361; shown to beat the dummy and guessing at 99.875 %

| on the 81 rows that judge&emsp; | this version&emsp; | full&emsp; | TF-IDF&emsp; |
| --- | --- | --- | --- |
| accuracy&emsp; | 0.7654&emsp; | 0.7654&emsp; | 0.7901&emsp; |
| macro F1&emsp; | 0.7649&emsp; | 0.7649&emsp; | 0.7901&emsp; |
| weighted F1&emsp; | 0.7650&emsp; | 0.7650&emsp; | 0.7901&emsp; |

**Seeds:** what another seed alone would change has not been measured here; gate.seeds: 3 does.

**Cost:** 0.60 ms a text, 0.1 MB. Full: 0.60 ms a text, 0.1 MB. The reference; put forward.

**What changed:** there was no champion to compare with.

**Why tonight:** no night has finished before.

**Data:** 400 rows read, 0 quarantined, 288 to train, 31 to choose, 81 to judge; weak.csv (sha256 243ae22119cb…).

**Made by:** the flow run tone-2026-11-28, started by hand.

**Ledger:**

- 2026-11-28T12:50:25+00:00: promoted by nightly (there was no champion): the first version is below the baseline: macro\_f1 0.7649 against 0.7901 of TF-IDF with logistic regression on the same rows; promoted because of gate.first: dummy; the first version: macro\_f1 0.7649 against the baseline''s 0.7901, the dummy''s 0.3361; shown to beat the dummy and guessing at 99.875 %

- 2026-11-28T12:51:55+00:00: rolled back by ada (champion was version 2): customers complained

- 2026-11-28T12:54:56+00:00: moved by hand by unknown (champion was version 2): the alias was set outside nightshift',NULL,'None','models:/m-e12ead52017c44eab43b760c8318adaf','c51b4cfb2e444dc7a9cf040160d14411','READY',NULL,NULL,'file:///tmp/registry-0.1/home/mlflow/artifacts/tone/models/m-e12ead52017c44eab43b760c8318adaf/artifacts','default');
INSERT INTO "model_versions" VALUES('tone.ledger',1,1795870225719,1795870225719,'the first version is below the baseline: macro\_f1 0.7649 against 0.7901 of TF-IDF with logistic regression on the same rows; promoted because of gate.first: dummy; the first version: macro\_f1 0.7649 against the baseline''s 0.7901, the dummy''s 0.3361; shown to beat the dummy and guessing at 99.875 %',NULL,'None','nightshift:/ledger','c51b4cfb2e444dc7a9cf040160d14411','READY',NULL,NULL,'nightshift:/ledger','default');
INSERT INTO "model_versions" VALUES('tone',2,1795870295761,1795870509889,'**full** passes the gate as *better*: better: macro\_f1 differs by +0.0940 from the champion''s, at 99.875 % at least +0.0384

- not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.37, at 99.99986 % at most 1.31 of it

| on the 181 rows that judge&emsp; | this version&emsp; | champion, version 1&emsp; | full&emsp; | TF-IDF&emsp; |
| --- | --- | --- | --- | --- |
| accuracy&emsp; | 0.9724&emsp; | 0.8785&emsp; | 0.9724&emsp; | 0.9724&emsp; |
| macro F1&emsp; | 0.9723&emsp; | 0.8784&emsp; | 0.9723&emsp; | 0.9723&emsp; |
| weighted F1&emsp; | 0.9724&emsp; | 0.8781&emsp; | 0.9724&emsp; | 0.9724&emsp; |

Difference to the champion, with its one-sided 99.875 % limits: +0.0940 (+0.0384 to +0.1818); margin 0.005.

**Rows:** 17 right that the champion has wrong, 0 the other way round (`lost.csv` of the run).

**Seeds:** what another seed alone would change has not been measured here; gate.seeds: 3 does.

**Cost:** 2.31 ms a text, 0.1 MB. Full: 2.31 ms a text, 0.1 MB. The reference; put forward.

**What changed:** since version 1: the data, data.path weak.csv → rows.csv, train.warm\_start champion → None.

**Why tonight:** changed since the night of 2026-11-28: data, settings (data.path, train.warm\_start).

**Data:** 900 rows read, 0 quarantined, 653 to train, 66 to choose, 181 to judge; rows.csv (sha256 9c5a5ae1d0a9…).

**Made by:** the flow run tone-2026-11-28, started by hand.

**Ledger:**

- 2026-11-28T12:51:39+00:00: promoted by nightly (champion was version 1): better: macro\_f1 differs by +0.0940 from the champion''s, at 99.875 % at least +0.0384; not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.37, at 99.99986 % at most 1.31 of it

- 2026-11-28T12:52:08+00:00: promoted by ada (champion was version 1): it was another fault

- 2026-11-28T12:55:09+00:00: promoted by ada (champion was version 1): the better one',NULL,'None','models:/m-9973b136c8974637b84b6d29070ca9fe','76c7598727974014814ff52903ac8b11','READY',NULL,NULL,'file:///tmp/registry-0.1/home/mlflow/artifacts/tone/models/m-9973b136c8974637b84b6d29070ca9fe/artifacts','default');
INSERT INTO "model_versions" VALUES('tone.ledger',2,1795870299186,1795870299186,'better: macro\_f1 differs by +0.0940 from the champion''s, at 99.875 % at least +0.0384; not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.37, at 99.99986 % at most 1.31 of it',NULL,'None','nightshift:/ledger','76c7598727974014814ff52903ac8b11','READY',NULL,NULL,'nightshift:/ledger','default');
INSERT INTO "model_versions" VALUES('tone.ledger',3,1795870315874,1795870315874,'customers complained',NULL,'None','nightshift:/ledger',NULL,'READY',NULL,NULL,'nightshift:/ledger','default');
INSERT INTO "model_versions" VALUES('tone.ledger',4,1795870328859,1795870328859,'it was another fault',NULL,'None','nightshift:/ledger',NULL,'READY',NULL,NULL,'nightshift:/ledger','default');
INSERT INTO "model_versions" VALUES('tone',3,1795870448802,1795870453365,'**quantize** is held by the gate: no test on the holdout is spent on it (1 tests have spent 2.5 % of the year''s error budget): on validation not shown to be better: macro\_f1 differs by +0.0000 from the champion''s, at 90 % at least -0.0252

- not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.41, at 99.99986 % at most 1.13 of it

| on the 181 rows that judge&emsp; | this version&emsp; | champion, version 2&emsp; | full&emsp; | TF-IDF&emsp; |
| --- | --- | --- | --- | --- |
| accuracy&emsp; | 0.9724&emsp; | 0.9724&emsp; | 0.9724&emsp; | 0.9724&emsp; |
| macro F1&emsp; | 0.9723&emsp; | 0.9723&emsp; | 0.9723&emsp; | 0.9723&emsp; |
| weighted F1&emsp; | 0.9724&emsp; | 0.9724&emsp; | 0.9724&emsp; | 0.9724&emsp; |

**Rows:** 0 right that the champion has wrong, 0 the other way round (`lost.csv` of the run).

**Seeds:** what another seed alone would change has not been measured here; gate.seeds: 3 does.

**Cost:** 0.06 ms a text, 0.1 MB. Full: 0.61 ms a text, 0.1 MB. Keeps 100.0% of full''s macro\_f1 on validation; confirmed: at most 0.0151 worse than full on the holdout; put forward; quantize changed 0 of 66 answers.

**What changed:** since version 2: compress.recipes \[\] → \[''quantize''\], gate.approval auto → manual, train.seed 42 → 7.

**Why tonight:** changed since the night of 2026-11-28: settings (compress.recipes, gate.approval, train.seed).

**Data:** 900 rows read, 0 quarantined, 653 to train, 66 to choose, 181 to judge; rows.csv (sha256 9c5a5ae1d0a9…).

**Made by:** the flow run tone-2026-11-28, started by hand.

**Ledger:**

- 2026-11-28T12:54:11+00:00: held by nightly (champion was version 2): no test on the holdout is spent on it (1 tests have spent 2.5 % of the year''s error budget): on validation not shown to be better: macro\_f1 differs by +0.0000 from the champion''s, at 90 % at least -0.0252; not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.41, at 99.99986 % at most 1.13 of it',NULL,'None','models:/m-534f4b3e066f4f7985b953b42187e4aa','5986443a9a7341be8b1f90e4ae931a09','READY',NULL,NULL,'file:///tmp/registry-0.1/home/mlflow/artifacts/tone/models/m-534f4b3e066f4f7985b953b42187e4aa/artifacts','default');
INSERT INTO "model_versions" VALUES('tone.ledger',5,1795870451043,1795870451043,'no test on the holdout is spent on it (1 tests have spent 2.5 % of the year''s error budget): on validation not shown to be better: macro\_f1 differs by +0.0000 from the champion''s, at 90 % at least -0.0252; not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.41, at 99.99986 % at most 1.13 of it',NULL,'None','nightshift:/ledger','5986443a9a7341be8b1f90e4ae931a09','READY',NULL,NULL,'nightshift:/ledger','default');
INSERT INTO "model_versions" VALUES('tone.ledger',6,1795870496666,1795870496666,'the alias was set outside nightshift',NULL,'None','nightshift:/ledger',NULL,'READY',NULL,NULL,'nightshift:/ledger','default');
INSERT INTO "model_versions" VALUES('tone.ledger',7,1795870497132,1795870497132,'same data, settings, base model, code, environment and device as the night tone-2026-11-28 (run 5986443a9a7341be8b1f90e4ae931a09), which ended held',NULL,'None','nightshift:/ledger','5986443a9a7341be8b1f90e4ae931a09','READY',NULL,NULL,'nightshift:/ledger','default');
INSERT INTO "model_versions" VALUES('tone.ledger',8,1795870509794,1795870509794,'the better one',NULL,'None','nightshift:/ledger',NULL,'READY',NULL,NULL,'nightshift:/ledger','default');
INSERT INTO "model_versions" VALUES('story',1,1795870551601,1795870553512,'**full** passes the gate as *first*: the first version: loss 2.8586 against the baseline''s 3.9244, the dummy''s 3.9244; shown to beat the dummy at 99.875 %


| on the 66 rows that judge&emsp; | this version&emsp; | full&emsp; | the unigram model&emsp; |
| --- | --- | --- | --- |
| loss&emsp; | 2.8586&emsp; | 2.8586&emsp; | 3.9244&emsp; |
| perplexity&emsp; | 17.4373&emsp; | 17.4373&emsp; | 50.6208&emsp; |

**Seeds:** what another seed alone would change has not been measured here; gate.seeds: 3 does.

**Cost:** 1.44 ms a text, 0.1 MB. Full: 1.44 ms a text, 0.1 MB. The reference; put forward.

**What changed:** there was no champion to compare with.

**Why tonight:** no night has finished before.

**Data:** 300 rows read, 0 quarantined, 209 to train, 25 to choose, 66 to judge; book.txt (sha256 abe4d7753c5d…).

**Made by:** the flow run story-2026-11-28, started by hand.

**Ledger:**

- 2026-11-28T12:55:52+00:00: promoted by nightly (there was no champion): the first version: loss 2.8586 against the baseline''s 3.9244, the dummy''s 3.9244; shown to beat the dummy at 99.875 %',NULL,'None','models:/m-666109eddde54e35aa1b32aac26d2e97','01226e5c8c024c51bf16add0666267e3','READY',NULL,NULL,'file:///tmp/registry-0.1/home/mlflow/artifacts/story/models/m-666109eddde54e35aa1b32aac26d2e97/artifacts','default');
INSERT INTO "model_versions" VALUES('story.ledger',1,1795870552435,1795870552435,'the first version: loss 2.8586 against the baseline''s 3.9244, the dummy''s 3.9244; shown to beat the dummy at 99.875 %',NULL,'None','nightshift:/ledger','01226e5c8c024c51bf16add0666267e3','READY',NULL,NULL,'nightshift:/ledger','default');
CREATE TABLE online_scoring_configs (
	online_scoring_config_id VARCHAR(36) NOT NULL, 
	scorer_id VARCHAR(36) NOT NULL, 
	sample_rate FLOAT NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	filter_string TEXT, 
	CONSTRAINT online_scoring_config_pk PRIMARY KEY (online_scoring_config_id), 
	CONSTRAINT fk_online_scoring_configs_scorer_id FOREIGN KEY(scorer_id) REFERENCES scorers (scorer_id) ON DELETE CASCADE, 
	CONSTRAINT fk_online_scoring_configs_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "params" VALUES('model','tone','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('kind','classification','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.path','weak.csv','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.header','True','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.text','message','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.text_pair','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.label','label','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.label_separator','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.group','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.timestamp','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.encoding','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.delimiter','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.quoting','auto','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.paragraphs','False','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.unlabelled','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('data.exclude','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('objectives','{}','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('split.by','identity','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('split.holdout','0.2','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('split.validation','0.1','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('split.spare','0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.min_rows','50','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.labels','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.readable.severity','critical','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.readable.mostly','0.95','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.text_present.severity','critical','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.text_present.mostly','0.95','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.label_present.severity','critical','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.label_present.mostly','0.95','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.known_labels.severity','critical','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.known_labels.mostly','0.95','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.numeric_labels.severity','critical','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.numeric_labels.mostly','0.95','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.one_label_a_text.severity','warning','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.one_label_a_text.mostly','0.99','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.unique_texts.severity','warning','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.unique_texts.mostly','0.95','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.usual_length.severity','warning','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.usual_length.mostly','0.99','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('expectations.max_deviations','6.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('augment.method','none','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('augment.unit','auto','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('augment.copies','1','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('augment.probability','0.1','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('augment.swap_probability','0.5','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('augment.permute_probability','0.5','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('augment.pieces','0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('augment.seed','42','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.base_model','scratch:bert','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.scratch.hidden_size','32','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.scratch.num_hidden_layers','1','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.scratch.num_attention_heads','2','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.scratch.intermediate_size','32','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.scratch.max_position_embeddings','64','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.scratch.vocab_size','450','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.max_length','48','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.num_train_epochs','12.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.per_device_train_batch_size','16','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.gradient_accumulation_steps','1','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.learning_rate','0.005','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.warmup_steps','0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.warmup_ratio','0.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.weight_decay','0.01','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.class_weights','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.label_smoothing_factor','0.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.decision_threshold','0.5','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.abstain_accuracy','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.save_steps','200','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.save_total_limit','2','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.load_best_model_at_end','False','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.early_stopping_patience','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.precision','auto','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.seed','42','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.window','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.warm_start','champion','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.torch_compile','auto','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.lora.r','0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.lora.lora_alpha','16','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.lora.lora_dropout','0.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.lora.target_modules','all-linear','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.sampling','proportional','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.sampling_temperature','2.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.compare_single','False','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.launcher','none','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('train.accelerate','{}','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.keep','0.99','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.max_drop','0.02','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.confidence','0.95','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.allow_unconfirmed','True','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.min_speedup','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.max_latency_ms','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.max_size_mb','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.recipes','[]','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.minutes','60.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.teachers','[''full'']','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.layers','0.5','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.strategy','spread','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.hidden_size','0.5','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.pruned_time','0.5','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.temperature','2.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.alpha','0.7','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.relations','0.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.hidden','0.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.cosine','0.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.distil_epochs','4.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.recovery_epochs','2.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.learning_rate','0.0001','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.float_weights','0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.static_epochs','5.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('compress.static_learning_rate','0.002','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.slices','[]','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.slice_margin','0.02','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.label_changes','hold','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.max_latency_ms','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.max_size_mb','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.max_noise_drop','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.metric','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.first','dummy','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.margin','0.005','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.confidence','0.95','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.tests_per_year','40','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.seeds','1','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.minimum','{}','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('gate.approval','auto','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('generation.max_new_tokens','64','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('generation.temperature','0.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('generation.top_p','1.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('generation.top_k','0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('generation.repetition_penalty','1.0','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('generation.stop_strings','[]','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('deadline','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('max_age','None','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('base_dir','/tmp/registry-0.1','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "params" VALUES('recipe','full','89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "params" VALUES('model','tone','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('kind','classification','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.path','rows.csv','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.header','True','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.text','message','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.text_pair','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.label','label','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.label_separator','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.group','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.timestamp','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.encoding','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.delimiter','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.quoting','auto','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.paragraphs','False','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.unlabelled','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('data.exclude','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('objectives','{}','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('split.by','identity','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('split.holdout','0.2','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('split.validation','0.1','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('split.spare','0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.min_rows','50','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.labels','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.readable.severity','critical','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.readable.mostly','0.95','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.text_present.severity','critical','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.text_present.mostly','0.95','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.label_present.severity','critical','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.label_present.mostly','0.95','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.known_labels.severity','critical','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.known_labels.mostly','0.95','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.numeric_labels.severity','critical','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.numeric_labels.mostly','0.95','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.one_label_a_text.severity','warning','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.one_label_a_text.mostly','0.99','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.unique_texts.severity','warning','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.unique_texts.mostly','0.95','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.usual_length.severity','warning','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.usual_length.mostly','0.99','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('expectations.max_deviations','6.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('augment.method','none','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('augment.unit','auto','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('augment.copies','1','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('augment.probability','0.1','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('augment.swap_probability','0.5','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('augment.permute_probability','0.5','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('augment.pieces','0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('augment.seed','42','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.base_model','scratch:bert','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.scratch.hidden_size','32','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.scratch.num_hidden_layers','1','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.scratch.num_attention_heads','2','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.scratch.intermediate_size','32','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.scratch.max_position_embeddings','64','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.scratch.vocab_size','450','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.max_length','48','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.num_train_epochs','12.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.per_device_train_batch_size','16','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.gradient_accumulation_steps','1','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.learning_rate','0.005','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.warmup_steps','0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.warmup_ratio','0.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.weight_decay','0.01','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.class_weights','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.label_smoothing_factor','0.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.decision_threshold','0.5','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.abstain_accuracy','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.save_steps','200','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.save_total_limit','2','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.load_best_model_at_end','False','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.early_stopping_patience','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.precision','auto','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.seed','42','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.window','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.warm_start','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.torch_compile','auto','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.lora.r','0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.lora.lora_alpha','16','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.lora.lora_dropout','0.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.lora.target_modules','all-linear','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.sampling','proportional','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.sampling_temperature','2.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.compare_single','False','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.launcher','none','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('train.accelerate','{}','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.keep','0.99','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.max_drop','0.02','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.confidence','0.95','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.allow_unconfirmed','True','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.min_speedup','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.max_latency_ms','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.max_size_mb','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.recipes','[]','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.minutes','60.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.teachers','[''full'']','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.layers','0.5','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.strategy','spread','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.hidden_size','0.5','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.pruned_time','0.5','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.temperature','2.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.alpha','0.7','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.relations','0.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.hidden','0.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.cosine','0.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.distil_epochs','4.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.recovery_epochs','2.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.learning_rate','0.0001','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.float_weights','0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.static_epochs','5.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('compress.static_learning_rate','0.002','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.slices','[]','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.slice_margin','0.02','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.label_changes','hold','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.max_latency_ms','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.max_size_mb','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.max_noise_drop','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.metric','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.first','dummy','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.margin','0.005','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.confidence','0.95','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.tests_per_year','40','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.seeds','1','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.minimum','{}','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('gate.approval','auto','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('generation.max_new_tokens','64','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('generation.temperature','0.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('generation.top_p','1.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('generation.top_k','0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('generation.repetition_penalty','1.0','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('generation.stop_strings','[]','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('deadline','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('max_age','None','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('base_dir','/tmp/registry-0.1','76c7598727974014814ff52903ac8b11');
INSERT INTO "params" VALUES('recipe','full','4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "params" VALUES('model','tone','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('kind','classification','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.path','rows.csv','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.header','True','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.text','message','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.text_pair','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.label','label','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.label_separator','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.group','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.timestamp','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.encoding','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.delimiter','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.quoting','auto','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.paragraphs','False','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.unlabelled','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('data.exclude','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('objectives','{}','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('split.by','identity','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('split.holdout','0.2','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('split.validation','0.1','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('split.spare','0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.min_rows','50','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.labels','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.readable.severity','critical','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.readable.mostly','0.95','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.text_present.severity','critical','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.text_present.mostly','0.95','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.label_present.severity','critical','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.label_present.mostly','0.95','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.known_labels.severity','critical','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.known_labels.mostly','0.95','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.numeric_labels.severity','critical','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.numeric_labels.mostly','0.95','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.one_label_a_text.severity','warning','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.one_label_a_text.mostly','0.99','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.unique_texts.severity','warning','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.unique_texts.mostly','0.95','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.usual_length.severity','warning','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.usual_length.mostly','0.99','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('expectations.max_deviations','6.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('augment.method','none','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('augment.unit','auto','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('augment.copies','1','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('augment.probability','0.1','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('augment.swap_probability','0.5','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('augment.permute_probability','0.5','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('augment.pieces','0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('augment.seed','42','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.base_model','scratch:bert','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.scratch.hidden_size','32','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.scratch.num_hidden_layers','1','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.scratch.num_attention_heads','2','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.scratch.intermediate_size','32','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.scratch.max_position_embeddings','64','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.scratch.vocab_size','450','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.max_length','48','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.num_train_epochs','12.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.per_device_train_batch_size','16','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.gradient_accumulation_steps','1','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.learning_rate','0.005','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.warmup_steps','0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.warmup_ratio','0.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.weight_decay','0.01','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.class_weights','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.label_smoothing_factor','0.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.decision_threshold','0.5','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.abstain_accuracy','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.save_steps','200','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.save_total_limit','2','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.load_best_model_at_end','False','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.early_stopping_patience','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.precision','auto','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.seed','7','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.window','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.warm_start','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.torch_compile','auto','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.lora.r','0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.lora.lora_alpha','16','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.lora.lora_dropout','0.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.lora.target_modules','all-linear','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.sampling','proportional','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.sampling_temperature','2.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.compare_single','False','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.launcher','none','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('train.accelerate','{}','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.keep','0.99','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.max_drop','0.02','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.confidence','0.95','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.allow_unconfirmed','True','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.min_speedup','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.max_latency_ms','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.max_size_mb','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.recipes','[''quantize'']','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.minutes','60.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.teachers','[''full'']','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.layers','0.5','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.strategy','spread','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.hidden_size','0.5','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.pruned_time','0.5','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.temperature','2.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.alpha','0.7','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.relations','0.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.hidden','0.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.cosine','0.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.distil_epochs','4.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.recovery_epochs','2.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.learning_rate','0.0001','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.float_weights','0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.static_epochs','5.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('compress.static_learning_rate','0.002','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.slices','[]','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.slice_margin','0.02','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.label_changes','hold','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.max_latency_ms','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.max_size_mb','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.max_noise_drop','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.metric','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.first','dummy','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.margin','0.005','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.confidence','0.95','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.tests_per_year','40','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.seeds','1','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.minimum','{}','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('gate.approval','manual','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('generation.max_new_tokens','64','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('generation.temperature','0.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('generation.top_p','1.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('generation.top_k','0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('generation.repetition_penalty','1.0','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('generation.stop_strings','[]','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('deadline','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('max_age','None','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('base_dir','/tmp/registry-0.1','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "params" VALUES('recipe','full','82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "params" VALUES('recipe','quantize','4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "params" VALUES('model','story','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('kind','generation','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.path','book.txt','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.header','True','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.text','text','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.text_pair','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.label','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.label_separator','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.group','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.timestamp','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.encoding','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.delimiter','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.quoting','auto','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.paragraphs','True','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.unlabelled','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('data.exclude','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('objectives','{}','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('split.by','identity','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('split.holdout','0.2','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('split.validation','0.1','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('split.spare','0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.min_rows','50','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.labels','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.readable.severity','critical','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.readable.mostly','0.95','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.text_present.severity','critical','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.text_present.mostly','0.95','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.label_present.severity','critical','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.label_present.mostly','0.95','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.known_labels.severity','critical','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.known_labels.mostly','0.95','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.numeric_labels.severity','critical','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.numeric_labels.mostly','0.95','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.one_label_a_text.severity','warning','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.one_label_a_text.mostly','0.99','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.unique_texts.severity','warning','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.unique_texts.mostly','0.95','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.usual_length.severity','warning','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.usual_length.mostly','0.99','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('expectations.max_deviations','6.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('augment.method','none','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('augment.unit','auto','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('augment.copies','1','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('augment.probability','0.1','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('augment.swap_probability','0.5','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('augment.permute_probability','0.5','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('augment.pieces','0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('augment.seed','42','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.base_model','scratch:gpt2','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.scratch.n_embd','32','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.scratch.n_layer','1','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.scratch.n_head','2','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.scratch.n_positions','64','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.scratch.vocab_size','300','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.max_length','48','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.num_train_epochs','8.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.per_device_train_batch_size','16','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.gradient_accumulation_steps','1','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.learning_rate','0.003','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.warmup_steps','0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.warmup_ratio','0.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.weight_decay','0.01','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.class_weights','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.label_smoothing_factor','0.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.decision_threshold','0.5','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.abstain_accuracy','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.save_steps','200','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.save_total_limit','2','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.load_best_model_at_end','False','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.early_stopping_patience','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.precision','auto','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.seed','42','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.window','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.warm_start','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.torch_compile','auto','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.lora.r','0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.lora.lora_alpha','16','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.lora.lora_dropout','0.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.lora.target_modules','all-linear','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.sampling','proportional','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.sampling_temperature','2.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.compare_single','False','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.launcher','none','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('train.accelerate','{}','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.keep','0.99','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.max_drop','0.02','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.confidence','0.95','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.allow_unconfirmed','True','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.min_speedup','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.max_latency_ms','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.max_size_mb','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.recipes','[]','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.minutes','60.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.teachers','[''full'']','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.layers','0.5','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.strategy','spread','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.hidden_size','0.5','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.pruned_time','0.5','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.temperature','2.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.alpha','0.7','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.relations','0.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.hidden','0.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.cosine','0.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.distil_epochs','4.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.recovery_epochs','2.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.learning_rate','0.0001','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.float_weights','0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.static_epochs','5.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('compress.static_learning_rate','0.002','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.slices','[]','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.slice_margin','0.02','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.label_changes','hold','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.max_latency_ms','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.max_size_mb','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.max_noise_drop','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.metric','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.first','dummy','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.margin','0.005','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.confidence','0.95','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.tests_per_year','40','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.seeds','1','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.minimum','{}','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('gate.approval','auto','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('generation.max_new_tokens','12','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('generation.temperature','0.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('generation.top_p','1.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('generation.top_k','0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('generation.repetition_penalty','1.0','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('generation.stop_strings','[]','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('deadline','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('max_age','None','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('base_dir','/tmp/registry-0.1','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "params" VALUES('recipe','full','bf1ac764de3f412e81b88c6d7e33f956');
CREATE TABLE "registered_model_aliases" (
	alias VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_alias_pk PRIMARY KEY (workspace, name, alias), 
	CONSTRAINT fk_registered_model_aliases_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO "registered_model_aliases" VALUES('champion',2,'tone','default');
INSERT INTO "registered_model_aliases" VALUES('previous',1,'tone','default');
INSERT INTO "registered_model_aliases" VALUES('challenger',3,'tone','default');
INSERT INTO "registered_model_aliases" VALUES('champion',1,'story','default');
CREATE TABLE "registered_model_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_tag_pk PRIMARY KEY (workspace, "key", name), 
	CONSTRAINT fk_registered_model_tags_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON UPDATE CASCADE
);
CREATE TABLE "registered_models" (
	name VARCHAR(256) NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_pk PRIMARY KEY (workspace, name)
);
INSERT INTO "registered_models" VALUES('tone',1795870222081,1795870448802,NULL,'default');
INSERT INTO "registered_models" VALUES('tone.ledger',1795870225702,1795870509794,NULL,'default');
INSERT INTO "registered_models" VALUES('story',1795870550380,1795870551601,NULL,'default');
INSERT INTO "registered_models" VALUES('story.ledger',1795870552421,1795870552435,NULL,'default');
CREATE TABLE review_queue_items (
	queue_id VARCHAR(36) NOT NULL, 
	item_type VARCHAR(16) NOT NULL, 
	item_id VARCHAR(50) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	completed_by VARCHAR(250), 
	completed_time_ms BIGINT, 
	creation_time_ms BIGINT NOT NULL, 
	last_update_time_ms BIGINT NOT NULL, 
	CONSTRAINT review_queue_items_pk PRIMARY KEY (queue_id, item_id), 
	CONSTRAINT fk_review_queue_items_queue_id FOREIGN KEY(queue_id) REFERENCES review_queues (queue_id) ON DELETE CASCADE
);
CREATE TABLE review_queue_label_schemas (
	queue_id VARCHAR(36) NOT NULL, 
	schema_id VARCHAR(36) NOT NULL, 
	CONSTRAINT review_queue_label_schemas_pk PRIMARY KEY (queue_id, schema_id), 
	CONSTRAINT fk_review_queue_label_schemas_queue_id FOREIGN KEY(queue_id) REFERENCES review_queues (queue_id) ON DELETE CASCADE
);
CREATE TABLE review_queue_users (
	queue_id VARCHAR(36) NOT NULL, 
	user_id VARCHAR(250) NOT NULL, 
	CONSTRAINT review_queue_users_pk PRIMARY KEY (queue_id, user_id), 
	CONSTRAINT fk_review_queue_users_queue_id FOREIGN KEY(queue_id) REFERENCES review_queues (queue_id) ON DELETE CASCADE
);
CREATE TABLE review_queues (
	queue_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	queue_type VARCHAR(16) NOT NULL, 
	created_by VARCHAR(255), 
	creation_time_ms BIGINT NOT NULL, 
	last_update_time_ms BIGINT NOT NULL, 
	name_key VARCHAR(250) NOT NULL, 
	CONSTRAINT review_queues_pk PRIMARY KEY (queue_id), 
	CONSTRAINT fk_review_queues_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE, 
	CONSTRAINT uq_review_queues_experiment_name_key UNIQUE (experiment_id, name_key)
);
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO "runs" VALUES('c51b4cfb2e444dc7a9cf040160d14411','tone-2026-11-28','UNKNOWN','','','unknown','FINISHED',1795870206237,1795870228447,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/c51b4cfb2e444dc7a9cf040160d14411/artifacts',1,NULL);
INSERT INTO "runs" VALUES('89fdfeccba9049418574584ddc9dd03d','full','UNKNOWN','','','unknown','FINISHED',1795870227020,1795870227682,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/89fdfeccba9049418574584ddc9dd03d/artifacts',1,NULL);
INSERT INTO "runs" VALUES('76c7598727974014814ff52903ac8b11','tone-2026-11-28','UNKNOWN','','','unknown','FINISHED',1795870270235,1795870303306,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/76c7598727974014814ff52903ac8b11/artifacts',1,NULL);
INSERT INTO "runs" VALUES('4dfcd943190242efa6f5e114c39867ac','full','UNKNOWN','','','unknown','FINISHED',1795870301412,1795870302077,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/4dfcd943190242efa6f5e114c39867ac/artifacts',1,NULL);
INSERT INTO "runs" VALUES('5986443a9a7341be8b1f90e4ae931a09','tone-2026-11-28','UNKNOWN','','','unknown','FINISHED',1795870395472,1795870453737,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/5986443a9a7341be8b1f90e4ae931a09/artifacts',1,NULL);
INSERT INTO "runs" VALUES('82ea231455904d628fdbd5fb0674cb1b','full','UNKNOWN','','','unknown','FINISHED',1795870452518,1795870452755,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/82ea231455904d628fdbd5fb0674cb1b/artifacts',1,NULL);
INSERT INTO "runs" VALUES('4a314603fa3d46dab8fecc3ed5f70d32','quantize','UNKNOWN','','','unknown','FINISHED',1795870452767,1795870453017,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/tone/4a314603fa3d46dab8fecc3ed5f70d32/artifacts',1,NULL);
INSERT INTO "runs" VALUES('01226e5c8c024c51bf16add0666267e3','story-2026-11-28','UNKNOWN','','','unknown','FINISHED',1795870541212,1795870553748,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/story/01226e5c8c024c51bf16add0666267e3/artifacts',2,NULL);
INSERT INTO "runs" VALUES('bf1ac764de3f412e81b88c6d7e33f956','full','UNKNOWN','','','unknown','FINISHED',1795870553336,1795870553478,'','active','file:///tmp/registry-0.1/home/mlflow/artifacts/story/bf1ac764de3f412e81b88c6d7e33f956/artifacts',2,NULL);
CREATE TABLE scheduler_leases (
	lease_key VARCHAR(255) NOT NULL, 
	acquired_at BIGINT NOT NULL, 
	ttl_seconds INTEGER NOT NULL, 
	CONSTRAINT scheduler_leases_pk PRIMARY KEY (lease_key)
);
CREATE TABLE scorer_versions (
	scorer_id VARCHAR(36) NOT NULL, 
	scorer_version INTEGER NOT NULL, 
	serialized_scorer TEXT NOT NULL, 
	creation_time BIGINT, 
	CONSTRAINT scorer_version_pk PRIMARY KEY (scorer_id, scorer_version), 
	CONSTRAINT fk_scorer_versions_scorer_id FOREIGN KEY(scorer_id) REFERENCES scorers (scorer_id) ON DELETE CASCADE
);
CREATE TABLE scorers (
	experiment_id INTEGER NOT NULL, 
	scorer_name VARCHAR(256) NOT NULL, 
	scorer_id VARCHAR(36) NOT NULL, 
	CONSTRAINT scorer_pk PRIMARY KEY (scorer_id), 
	CONSTRAINT fk_scorers_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
CREATE TABLE "secrets" (
	secret_id VARCHAR(36) NOT NULL, 
	secret_name VARCHAR(255) NOT NULL, 
	encrypted_value BLOB NOT NULL, 
	wrapped_dek BLOB NOT NULL, 
	kek_version INTEGER NOT NULL, 
	masked_value VARCHAR(500) NOT NULL, 
	provider VARCHAR(64), 
	auth_config TEXT, 
	description TEXT, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT secrets_pk PRIMARY KEY (secret_id), 
	CONSTRAINT uq_secrets_workspace_secret_name UNIQUE (workspace, secret_name)
);
CREATE TABLE span_metrics (
	trace_id VARCHAR(50) NOT NULL, 
	span_id VARCHAR(50) NOT NULL, 
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT, 
	CONSTRAINT span_metrics_pk PRIMARY KEY (trace_id, span_id, "key"), 
	CONSTRAINT fk_span_metrics_span FOREIGN KEY(trace_id, span_id) REFERENCES spans (trace_id, span_id) ON DELETE CASCADE
);
CREATE TABLE "spans" (
	trace_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	span_id VARCHAR(50) NOT NULL, 
	parent_span_id VARCHAR(50), 
	name TEXT, 
	type VARCHAR(500), 
	status VARCHAR(50) NOT NULL, 
	start_time_unix_nano BIGINT NOT NULL, 
	end_time_unix_nano BIGINT, 
	duration_ns BIGINT GENERATED ALWAYS AS (end_time_unix_nano - start_time_unix_nano) STORED, 
	content TEXT NOT NULL, 
	input_cost FLOAT, 
	output_cost FLOAT, 
	total_cost FLOAT, 
	model_name VARCHAR(500), 
	model_provider VARCHAR(500), 
	CONSTRAINT spans_pk PRIMARY KEY (trace_id, span_id), 
	CONSTRAINT fk_spans_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_spans_trace_id FOREIGN KEY(trace_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE sql_assessment_daily_rollups (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	rollup_day DATE NOT NULL, 
	metric_name VARCHAR(250) NOT NULL, 
	grouping_set VARCHAR(50) NOT NULL, 
	sample_count BIGINT NOT NULL, 
	sum_value FLOAT, 
	min_value FLOAT, 
	max_value FLOAT, 
	CONSTRAINT sql_assessment_daily_rollups_pk PRIMARY KEY (id)
);
CREATE TABLE sql_span_cost_daily_rollups (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	rollup_day DATE NOT NULL, 
	metric_name VARCHAR(250) NOT NULL, 
	grouping_set VARCHAR(50) NOT NULL, 
	model_name VARCHAR(500), 
	model_provider VARCHAR(500), 
	sample_count BIGINT NOT NULL, 
	sum_value FLOAT, 
	min_value FLOAT, 
	max_value FLOAT, 
	CONSTRAINT sql_span_cost_daily_rollups_pk PRIMARY KEY (id)
);
CREATE TABLE sql_trace_metric_daily_rollups (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	rollup_day DATE NOT NULL, 
	metric_name VARCHAR(250) NOT NULL, 
	grouping_set VARCHAR(50) NOT NULL, 
	trace_status VARCHAR(50), 
	sample_count BIGINT NOT NULL, 
	sum_value FLOAT, 
	min_value FLOAT, 
	max_value FLOAT, 
	p50_value FLOAT, 
	p90_value FLOAT, 
	p99_value FLOAT, 
	CONSTRAINT sql_trace_metric_daily_rollups_pk PRIMARY KEY (id)
);
CREATE TABLE sql_trace_rollup_rebuild_queue (
	experiment_id INTEGER NOT NULL, 
	rollup_day DATE NOT NULL, 
	rollup_family VARCHAR(50) NOT NULL, 
	CONSTRAINT sql_trace_rollup_rebuild_queue_pk PRIMARY KEY (experiment_id, rollup_day, rollup_family)
);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "tags" VALUES('nightshift.fingerprint','0e4cbc0624f643504e8fcc703b54ff1f332aba303586db6bb671d7f17b1912e9','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "tags" VALUES('mlflow.runName','tone-2026-11-28','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "tags" VALUES('nightshift.changed','no night has finished before','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "tags" VALUES('mlflow.loggedArtifacts','[{"path": "layers.json", "type": "table"}]','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "tags" VALUES('mlflow.parentRunId','c51b4cfb2e444dc7a9cf040160d14411','89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "tags" VALUES('nightshift.why','the reference; put forward','89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "tags" VALUES('nightshift.chosen','True','89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "tags" VALUES('mlflow.runName','full','89fdfeccba9049418574584ddc9dd03d');
INSERT INTO "tags" VALUES('mlflow.note.content','**full** passes the gate as *first*: the first version is below the baseline: macro\_f1 0.7649 against 0.7901 of TF-IDF with logistic regression on the same rows; promoted because of gate.first: dummy

- the first version: macro\_f1 0.7649 against the baseline''s 0.7901, the dummy''s 0.3361; shown to beat the dummy and guessing at 99.875 %

| on the 81 rows that judge&emsp; | this version&emsp; | full&emsp; | TF-IDF&emsp; |
| --- | --- | --- | --- |
| accuracy&emsp; | 0.7654&emsp; | 0.7654&emsp; | 0.7901&emsp; |
| macro F1&emsp; | 0.7649&emsp; | 0.7649&emsp; | 0.7901&emsp; |
| weighted F1&emsp; | 0.7650&emsp; | 0.7650&emsp; | 0.7901&emsp; |

**Seeds:** what another seed alone would change has not been measured here; gate.seeds: 3 does.

**Cost:** 0.60 ms a text, 0.1 MB. Full: 0.60 ms a text, 0.1 MB. The reference; put forward.

**What changed:** there was no champion to compare with.

**Why tonight:** no night has finished before.

**Data:** 400 rows read, 0 quarantined, 288 to train, 31 to choose, 81 to judge; weak.csv (sha256 243ae22119cb…).

**Made by:** the flow run tone-2026-11-28, started by hand.','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "tags" VALUES('nightshift.status','promoted','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "tags" VALUES('nightshift.reason','the first version is below the baseline: macro_f1 0.7649 against 0.7901 of TF-IDF with logistic regression on the same rows; promoted because of gate.first: dummy; the first version: macro_f1 0.7649 against the baseline''s 0.7901, the dummy''s 0.3361; shown to beat the dummy and guessing at 99.875 %','c51b4cfb2e444dc7a9cf040160d14411');
INSERT INTO "tags" VALUES('nightshift.fingerprint','38d4656167eb897aacd1bfdf7769c5769033a6dff4d73aff543459a8818aed29','76c7598727974014814ff52903ac8b11');
INSERT INTO "tags" VALUES('mlflow.runName','tone-2026-11-28','76c7598727974014814ff52903ac8b11');
INSERT INTO "tags" VALUES('nightshift.changed','changed since the night of 2026-11-28: data, settings (data.path, train.warm_start)','76c7598727974014814ff52903ac8b11');
INSERT INTO "tags" VALUES('mlflow.loggedArtifacts','[{"path": "layers.json", "type": "table"}]','76c7598727974014814ff52903ac8b11');
INSERT INTO "tags" VALUES('mlflow.parentRunId','76c7598727974014814ff52903ac8b11','4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "tags" VALUES('nightshift.why','the reference; put forward','4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "tags" VALUES('nightshift.chosen','True','4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "tags" VALUES('mlflow.runName','full','4dfcd943190242efa6f5e114c39867ac');
INSERT INTO "tags" VALUES('mlflow.note.content','**full** passes the gate as *better*: better: macro\_f1 differs by +0.0940 from the champion''s, at 99.875 % at least +0.0384

- not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.37, at 99.99986 % at most 1.31 of it

| on the 181 rows that judge&emsp; | this version&emsp; | champion, version 1&emsp; | full&emsp; | TF-IDF&emsp; |
| --- | --- | --- | --- | --- |
| accuracy&emsp; | 0.9724&emsp; | 0.8785&emsp; | 0.9724&emsp; | 0.9724&emsp; |
| macro F1&emsp; | 0.9723&emsp; | 0.8784&emsp; | 0.9723&emsp; | 0.9723&emsp; |
| weighted F1&emsp; | 0.9724&emsp; | 0.8781&emsp; | 0.9724&emsp; | 0.9724&emsp; |

Difference to the champion, with its one-sided 99.875 % limits: +0.0940 (+0.0384 to +0.1818); margin 0.005.

**Rows:** 17 right that the champion has wrong, 0 the other way round (`lost.csv` of the run).

**Seeds:** what another seed alone would change has not been measured here; gate.seeds: 3 does.

**Cost:** 2.31 ms a text, 0.1 MB. Full: 2.31 ms a text, 0.1 MB. The reference; put forward.

**What changed:** since version 1: the data, data.path weak.csv → rows.csv, train.warm\_start champion → None.

**Why tonight:** changed since the night of 2026-11-28: data, settings (data.path, train.warm\_start).

**Data:** 900 rows read, 0 quarantined, 653 to train, 66 to choose, 181 to judge; rows.csv (sha256 9c5a5ae1d0a9…).

**Made by:** the flow run tone-2026-11-28, started by hand.','76c7598727974014814ff52903ac8b11');
INSERT INTO "tags" VALUES('nightshift.status','promoted','76c7598727974014814ff52903ac8b11');
INSERT INTO "tags" VALUES('nightshift.reason','better: macro_f1 differs by +0.0940 from the champion''s, at 99.875 % at least +0.0384; not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.37, at 99.99986 % at most 1.31 of it','76c7598727974014814ff52903ac8b11');
INSERT INTO "tags" VALUES('nightshift.fingerprint','485a218ec45544250ecf2c7420dbf5ba209f9920b7023f662af994a57da46178','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "tags" VALUES('mlflow.runName','tone-2026-11-28','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "tags" VALUES('nightshift.changed','changed since the night of 2026-11-28: settings (compress.recipes, gate.approval, train.seed)','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "tags" VALUES('mlflow.loggedArtifacts','[{"path": "layers.json", "type": "table"}]','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "tags" VALUES('mlflow.parentRunId','5986443a9a7341be8b1f90e4ae931a09','82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "tags" VALUES('nightshift.why','the reference','82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "tags" VALUES('nightshift.chosen','False','82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "tags" VALUES('mlflow.runName','full','82ea231455904d628fdbd5fb0674cb1b');
INSERT INTO "tags" VALUES('mlflow.parentRunId','5986443a9a7341be8b1f90e4ae931a09','4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "tags" VALUES('nightshift.why','keeps 100.0% of full''s macro_f1 on validation; confirmed: at most 0.0151 worse than full on the holdout; put forward; quantize changed 0 of 66 answers','4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "tags" VALUES('nightshift.chosen','True','4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "tags" VALUES('mlflow.runName','quantize','4a314603fa3d46dab8fecc3ed5f70d32');
INSERT INTO "tags" VALUES('mlflow.note.content','**quantize** is held by the gate: no test on the holdout is spent on it (1 tests have spent 2.5 % of the year''s error budget): on validation not shown to be better: macro\_f1 differs by +0.0000 from the champion''s, at 90 % at least -0.0252

- not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.41, at 99.99986 % at most 1.13 of it

| on the 181 rows that judge&emsp; | this version&emsp; | champion, version 2&emsp; | full&emsp; | TF-IDF&emsp; |
| --- | --- | --- | --- | --- |
| accuracy&emsp; | 0.9724&emsp; | 0.9724&emsp; | 0.9724&emsp; | 0.9724&emsp; |
| macro F1&emsp; | 0.9723&emsp; | 0.9723&emsp; | 0.9723&emsp; | 0.9723&emsp; |
| weighted F1&emsp; | 0.9724&emsp; | 0.9724&emsp; | 0.9724&emsp; | 0.9724&emsp; |

**Rows:** 0 right that the champion has wrong, 0 the other way round (`lost.csv` of the run).

**Seeds:** what another seed alone would change has not been measured here; gate.seeds: 3 does.

**Cost:** 0.06 ms a text, 0.1 MB. Full: 0.61 ms a text, 0.1 MB. Keeps 100.0% of full''s macro\_f1 on validation; confirmed: at most 0.0151 worse than full on the holdout; put forward; quantize changed 0 of 66 answers.

**What changed:** since version 2: compress.recipes \[\] → \[''quantize''\], gate.approval auto → manual, train.seed 42 → 7.

**Why tonight:** changed since the night of 2026-11-28: settings (compress.recipes, gate.approval, train.seed).

**Data:** 900 rows read, 0 quarantined, 653 to train, 66 to choose, 181 to judge; rows.csv (sha256 9c5a5ae1d0a9…).

**Made by:** the flow run tone-2026-11-28, started by hand.','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "tags" VALUES('nightshift.status','held','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "tags" VALUES('nightshift.reason','no test on the holdout is spent on it (1 tests have spent 2.5 % of the year''s error budget): on validation not shown to be better: macro_f1 differs by +0.0000 from the champion''s, at 90 % at least -0.0252; not shown to be 10 % cheaper: 0.40 ms a text against the champion''s 0.41, at 99.99986 % at most 1.13 of it','5986443a9a7341be8b1f90e4ae931a09');
INSERT INTO "tags" VALUES('nightshift.fingerprint','e0b549cf489793ebee36de462590ebe97f440b27ace2ef8b55aaa56bc4df0b39','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "tags" VALUES('mlflow.runName','story-2026-11-28','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "tags" VALUES('nightshift.changed','no night has finished before','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "tags" VALUES('mlflow.loggedArtifacts','[{"path": "layers.json", "type": "table"}]','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "tags" VALUES('mlflow.parentRunId','01226e5c8c024c51bf16add0666267e3','bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "tags" VALUES('nightshift.why','the reference; put forward','bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "tags" VALUES('nightshift.chosen','True','bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "tags" VALUES('mlflow.runName','full','bf1ac764de3f412e81b88c6d7e33f956');
INSERT INTO "tags" VALUES('mlflow.note.content','**full** passes the gate as *first*: the first version: loss 2.8586 against the baseline''s 3.9244, the dummy''s 3.9244; shown to beat the dummy at 99.875 %


| on the 66 rows that judge&emsp; | this version&emsp; | full&emsp; | the unigram model&emsp; |
| --- | --- | --- | --- |
| loss&emsp; | 2.8586&emsp; | 2.8586&emsp; | 3.9244&emsp; |
| perplexity&emsp; | 17.4373&emsp; | 17.4373&emsp; | 50.6208&emsp; |

**Seeds:** what another seed alone would change has not been measured here; gate.seeds: 3 does.

**Cost:** 1.44 ms a text, 0.1 MB. Full: 1.44 ms a text, 0.1 MB. The reference; put forward.

**What changed:** there was no champion to compare with.

**Why tonight:** no night has finished before.

**Data:** 300 rows read, 0 quarantined, 209 to train, 25 to choose, 66 to judge; book.txt (sha256 abe4d7753c5d…).

**Made by:** the flow run story-2026-11-28, started by hand.','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "tags" VALUES('nightshift.status','promoted','01226e5c8c024c51bf16add0666267e3');
INSERT INTO "tags" VALUES('nightshift.reason','the first version: loss 2.8586 against the baseline''s 3.9244, the dummy''s 3.9244; shown to beat the dummy at 99.875 %','01226e5c8c024c51bf16add0666267e3');
CREATE TABLE "trace_info" (
	request_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	timestamp_ms BIGINT NOT NULL, 
	execution_time_ms BIGINT, 
	status VARCHAR(50) NOT NULL, 
	client_request_id VARCHAR(50), 
	request_preview VARCHAR(1000), 
	response_preview VARCHAR(1000), 
	db_payload_generation INTEGER DEFAULT '0' NOT NULL, trace_name VARCHAR(4096), session_id VARCHAR(250), input_tokens BIGINT, output_tokens BIGINT, total_tokens BIGINT, cache_read_input_tokens BIGINT, cache_creation_input_tokens BIGINT, cache_creation_input_tokens_above_1hr BIGINT, input_cost FLOAT, output_cost FLOAT, total_cost FLOAT, 
	CONSTRAINT trace_info_pk PRIMARY KEY (request_id), 
	CONSTRAINT fk_trace_info_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
CREATE TABLE trace_metrics (
	request_id VARCHAR(50) NOT NULL, 
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT, 
	CONSTRAINT trace_metrics_pk PRIMARY KEY (request_id, "key"), 
	CONSTRAINT fk_trace_metrics_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE "trace_request_metadata" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_request_metadata_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_request_metadata_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE "trace_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_tag_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_tags_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE webhook_events (
	webhook_id VARCHAR(256) NOT NULL, 
	entity VARCHAR(50) NOT NULL, 
	action VARCHAR(50) NOT NULL, 
	CONSTRAINT webhook_event_pk PRIMARY KEY (webhook_id, entity, action), 
	FOREIGN KEY(webhook_id) REFERENCES webhooks (webhook_id) ON DELETE cascade
);
CREATE TABLE "webhooks" (
	webhook_id VARCHAR(256) NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	description VARCHAR(1000), 
	url VARCHAR(500) NOT NULL, 
	status VARCHAR(20) DEFAULT 'ACTIVE' NOT NULL, 
	secret VARCHAR(1000), 
	creation_timestamp BIGINT, 
	last_updated_timestamp BIGINT, 
	deleted_timestamp BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT webhook_pk PRIMARY KEY (webhook_id)
);
CREATE TABLE workspaces (
	name VARCHAR(63) NOT NULL, 
	description TEXT, 
	default_artifact_root TEXT, trace_archival_location TEXT, trace_archival_retention VARCHAR(32), 
	CONSTRAINT workspaces_pk PRIMARY KEY (name)
);
INSERT INTO "workspaces" VALUES('default','Default workspace for legacy resources',NULL,NULL,NULL);
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_latest_metrics_run_uuid ON latest_metrics (run_uuid);
CREATE INDEX index_inputs_input_uuid ON inputs (input_uuid);
CREATE INDEX index_inputs_destination_type_destination_id_source_type ON inputs (destination_type, destination_id, source_type);
CREATE INDEX index_params_run_uuid ON params (run_uuid);
CREATE INDEX index_trace_tags_request_id ON trace_tags (request_id);
CREATE INDEX index_trace_request_metadata_request_id ON trace_request_metadata (request_id);
CREATE INDEX index_tags_run_uuid ON tags (run_uuid);
CREATE INDEX index_datasets_experiment_id_dataset_source_type ON datasets (experiment_id, dataset_source_type);
CREATE INDEX index_datasets_dataset_uuid ON datasets (dataset_uuid);
CREATE INDEX index_logged_model_metrics_model_id ON logged_model_metrics (model_id);
CREATE INDEX index_entity_associations_association_id ON entity_associations (association_id);
CREATE INDEX index_entity_associations_reverse_lookup ON entity_associations (destination_type, destination_id, source_type, source_id);
CREATE INDEX idx_webhook_events_entity ON webhook_events (entity);
CREATE INDEX idx_webhook_events_action ON webhook_events (action);
CREATE INDEX idx_webhook_events_entity_action ON webhook_events (entity, action);
CREATE UNIQUE INDEX index_scorers_experiment_id_scorer_name ON scorers (experiment_id, scorer_name);
CREATE INDEX index_scorer_versions_scorer_id ON scorer_versions (scorer_id);
CREATE INDEX index_evaluation_dataset_tags_dataset_id ON evaluation_dataset_tags (dataset_id);
CREATE INDEX index_evaluation_dataset_records_dataset_id ON evaluation_dataset_records (dataset_id);
CREATE INDEX index_endpoint_model_mappings_endpoint_id ON endpoint_model_mappings (endpoint_id);
CREATE INDEX index_endpoint_model_mappings_model_definition_id ON endpoint_model_mappings (model_definition_id);
CREATE INDEX index_endpoint_tags_endpoint_id ON endpoint_tags (endpoint_id);
CREATE INDEX index_trace_metrics_request_id ON trace_metrics (request_id);
CREATE UNIQUE INDEX unique_endpoint_model_linkage_mapping ON endpoint_model_mappings (endpoint_id, model_definition_id, linkage_type);
CREATE INDEX index_span_metrics_trace_id_span_id ON span_metrics (trace_id, span_id);
CREATE INDEX index_evaluation_datasets_name ON evaluation_datasets (name);
CREATE INDEX index_evaluation_datasets_created_time ON evaluation_datasets (created_time);
CREATE INDEX idx_webhooks_status ON webhooks (status);
CREATE INDEX idx_webhooks_name ON webhooks (name);
CREATE TRIGGER prevent_secrets_aad_mutation
BEFORE UPDATE ON secrets
FOR EACH ROW
WHEN OLD.secret_id != NEW.secret_id OR OLD.secret_name != NEW.secret_name
BEGIN
    SELECT RAISE(ABORT, 'secret_id and secret_name are immutable (used as AAD in encryption)');
END;
CREATE INDEX index_model_definitions_secret_id ON model_definitions (secret_id);
CREATE INDEX index_model_definitions_provider ON model_definitions (provider);
CREATE INDEX index_jobs_name_status_creation_time ON jobs (job_name, workspace, status, creation_time);
CREATE INDEX idx_experiments_workspace ON experiments (workspace);
CREATE INDEX idx_registered_models_workspace ON registered_models (workspace);
CREATE INDEX idx_experiments_workspace_creation_time ON experiments (workspace, creation_time);
CREATE INDEX idx_evaluation_datasets_workspace ON evaluation_datasets (workspace);
CREATE INDEX idx_webhooks_workspace ON webhooks (workspace);
CREATE INDEX idx_secrets_workspace ON secrets (workspace);
CREATE INDEX idx_endpoints_workspace ON endpoints (workspace);
CREATE INDEX idx_model_definitions_workspace ON model_definitions (workspace);
CREATE INDEX idx_budget_policies_workspace ON budget_policies (workspace);
CREATE INDEX index_issues_experiment_id ON issues (experiment_id);
CREATE INDEX index_issues_source_run_id ON issues (source_run_id);
CREATE INDEX index_issues_status ON issues (status);
CREATE INDEX index_metrics_run_uuid_key_step ON metrics (run_uuid, "key", step);
CREATE INDEX idx_guardrails_workspace ON guardrails (workspace);
CREATE INDEX idx_guardrails_scorer ON guardrails (scorer_id, scorer_version);
CREATE INDEX idx_guardrail_configs_endpoint_id ON guardrail_configs (endpoint_id);
CREATE INDEX idx_guardrail_configs_guardrail_id ON guardrail_configs (guardrail_id);
CREATE INDEX idx_model_version_tags_workspace_name_version ON model_version_tags (workspace, name, version);
CREATE INDEX idx_registered_model_tags_workspace_name ON registered_model_tags (workspace, name);
CREATE INDEX index_label_schemas_experiment_id ON label_schemas (experiment_id);
CREATE INDEX index_review_queues_experiment_id ON review_queues (experiment_id);
CREATE INDEX index_review_queue_users_user_id ON review_queue_users (user_id);
CREATE INDEX index_review_queue_items_queue_id_status ON review_queue_items (queue_id, status);
CREATE INDEX index_review_queue_items_item_id ON review_queue_items (item_id);
CREATE INDEX index_review_queue_label_schemas_schema_id ON review_queue_label_schemas (schema_id);
CREATE INDEX idx_mcp_server_versions_latest ON mcp_server_versions (workspace, name, status, version_major DESC, version_minor DESC, version_patch DESC);
CREATE INDEX ix_mcp_access_endpoints_server_name ON mcp_access_endpoints (workspace, server_name);
CREATE INDEX ix_mcp_access_endpoints_version ON mcp_access_endpoints (workspace, server_name, server_version);
CREATE INDEX ix_mcp_access_endpoints_alias ON mcp_access_endpoints (workspace, server_name, server_alias);
CREATE INDEX idx_budget_policies_target_value ON budget_policies (target_value);
CREATE INDEX index_trace_info_experiment_id_timestamp_ms ON trace_info (experiment_id, timestamp_ms);
CREATE INDEX index_trace_info_timestamp_ms_request_id ON trace_info (timestamp_ms, request_id);
CREATE INDEX index_assessments_trace_id_created_timestamp ON assessments (trace_id, created_timestamp);
CREATE INDEX index_assessments_last_updated_timestamp ON assessments (last_updated_timestamp);
CREATE INDEX index_assessments_run_id_created_timestamp ON assessments (run_id, created_timestamp);
CREATE INDEX index_assessments_assessment_type ON assessments (assessment_type);
CREATE INDEX index_spans_experiment_id_duration ON spans (experiment_id, duration_ns);
CREATE INDEX index_spans_experiment_id_type_status ON spans (experiment_id, type, status);
CREATE INDEX index_spans_experiment_id_start_time ON spans (experiment_id, start_time_unix_nano);
CREATE INDEX index_spans_experiment_id_status_type ON spans (experiment_id, status, type);
CREATE INDEX index_trace_info_experiment_id_session_id ON trace_info (experiment_id, session_id);
CREATE INDEX idx_trace_rollups_lookup ON sql_trace_metric_daily_rollups (experiment_id, rollup_day, metric_name, grouping_set, trace_status);
CREATE INDEX idx_span_cost_rollups_lookup ON sql_span_cost_daily_rollups (experiment_id, rollup_day, metric_name, grouping_set, model_name, model_provider);
CREATE INDEX idx_assessment_rollups_lookup ON sql_assessment_daily_rollups (experiment_id, rollup_day, metric_name, grouping_set);
CREATE INDEX idx_spans_cost_trace_time_cover ON spans (trace_id, start_time_unix_nano);
CREATE INDEX idx_spans_cost_exp_time_cover ON spans (experiment_id, start_time_unix_nano);
CREATE INDEX idx_assessments_exp_trace_ts ON assessments (experiment_id, trace_timestamp_ms);
CREATE INDEX idx_assessments_exp_trace_ts_name ON assessments (experiment_id, trace_timestamp_ms, name);
CREATE INDEX idx_assessments_exp_name_valid ON assessments (experiment_id, name, valid);
CREATE INDEX index_job_locks_job_id ON job_locks (job_id);
CREATE INDEX index_jobs_status_lease_expires_at ON jobs (status, lease_expires_at);
COMMIT;
